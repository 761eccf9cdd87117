//! The part of the driver that makes a conversation smaller; what is cut and kept, `compact.rs` decides.

use futures_util::StreamExt as _;

use super::{
    compact,
    driver::{Broken, Driver, Flow},
    failure::chain,
};
use crate::{
    domain::{EventKind, Message, Notice, Usage},
    model::{ModelDelta, ModelError, ModelErrorKind},
    tool::Listing,
};

impl Driver {
    /// Makes the context smaller, to about `room` bytes of request: trims old results, then has the oldest messages
    /// summarised. A summary that fails leaves what was trimmed.
    pub(super) async fn compact(&mut self, listing: &Listing, room: u64) -> Flow {
        let before = compact::size(&self.request(listing));
        let trimmed = compact::trim(self.turn.context(), room / 2);
        self.turn.set_context(trimmed);
        let mut summarized = 0;
        if compact::size(&self.request(listing)) > room
            && let Some(cut) = compact::cut(self.turn.context(), room / 2)
        {
            match self.summarize(cut, room, "").await {
                Ok(marker) => {
                    self.save().await?;
                    self.scene.save(std::slice::from_ref(&marker)).await?;
                    let context = [&[marker], &self.turn.context()[cut..]].concat();
                    self.turn.set_context(context);
                    summarized = u32::try_from(cut).unwrap_or(u32::MAX);
                }
                Err(Broken::Ended(ended)) => return Err(ended),
                Err(Broken::Model(error)) => {
                    let message = format!("could not summarise the conversation: {}", chain(&error));
                    self.scene.emit(EventKind::Notice { notice: Notice::Warning { message } }).await;
                }
            }
        }
        let after = compact::size(&self.request(listing));
        if after < before {
            let (before_tokens, after_tokens) = (self.meter.tokens(before), self.meter.tokens(after));
            let notice = Notice::Compacted { before_tokens, after_tokens, summarized };
            self.scene.emit(EventKind::Notice { notice }).await;
        }
        Ok(())
    }

    /// The summary of the first `cut` messages of the context.
    pub(super) async fn summarize(&self, cut: usize, room: u64, guidance: &str) -> Result<Message, Broken> {
        let context = self.turn.context();
        let model = self.scene.member.model.get();
        let mut stream = self.until_canceled(model.stream(compact::request(&context[..cut], room, guidance))).await??;
        let (mut text, mut usage, mut whole) = (String::new(), Usage::default(), false);
        while let Some(delta) = self.until_canceled(stream.next()).await? {
            match delta? {
                ModelDelta::Text(more) => text.push_str(&more),
                ModelDelta::Restart => text.clear(),
                ModelDelta::Usage(so_far) => usage = so_far,
                ModelDelta::Stop { .. } => whole = true,
                ModelDelta::Notice(notice) => self.scene.emit(EventKind::Notice { notice }).await,
                ModelDelta::Reasoning { .. }
                | ModelDelta::ToolCallStart { .. }
                | ModelDelta::ToolCallArguments { .. } => {}
            }
        }
        self.scene.charge(model.name(), 0, usage);
        if !whole || text.trim().is_empty() {
            return Err(cut_off(model.name()).into());
        }
        Ok(compact::marker(text, context.len() - cut))
    }
}

/// A stream of deltas that ended without saying so.
pub(super) fn cut_off(model: &str) -> ModelError {
    let message = "the connection was cut in the middle of the answer".to_owned();
    ModelError { model: model.to_owned(), kind: ModelErrorKind::Transport { message }, hint: None }
}
