//! The part of the driver that makes a conversation smaller; what is cut and kept, `compact.rs` decides.

use futures_util::StreamExt as _;

use super::{
    compact,
    driver::{Broken, Driver, Flow},
    failure::chain,
};
use crate::{
    domain::{EventKind, Message, Notice, Usage},
    model::{ModelDelta, ModelError, ModelErrorKind, ModelStream},
    tool::Listing,
};

/// A summary while it arrives.
#[derive(Default)]
struct Summary {
    /// Who writes it: the model that was asked, or the one that took over.
    model: String,
    text: String,
    usage: Usage,
    whole: bool,
}

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
        let mut summary = Summary { model: model.name().to_owned(), ..Summary::default() };
        let heard = self.hear(&mut stream, &mut summary).await;
        // Also of a summary that broke off.
        self.scene.charge(&summary.model, 0, summary.usage);
        heard?;
        if !summary.whole || summary.text.trim().is_empty() {
            return Err(cut_off(&summary.model).into());
        }
        Ok(compact::marker(summary.text, context.len() - cut))
    }

    async fn hear(&self, stream: &mut ModelStream, summary: &mut Summary) -> Result<(), Broken> {
        while let Some(delta) = self.until_canceled(stream.next()).await? {
            match delta? {
                ModelDelta::Text(more) => summary.text.push_str(&more),
                ModelDelta::Restart => summary.text.clear(),
                ModelDelta::Usage(so_far) => summary.usage = so_far,
                ModelDelta::Stop { .. } => summary.whole = true,
                ModelDelta::Notice(notice) => {
                    if let Notice::Fallback { to, .. } = &notice {
                        to.clone_into(&mut summary.model);
                    }
                    self.scene.emit(EventKind::Notice { notice }).await;
                }
                ModelDelta::Reasoning { .. }
                | ModelDelta::ToolCallStart { .. }
                | ModelDelta::ToolCallArguments { .. } => {}
            }
        }
        Ok(())
    }
}

/// A stream of deltas that ended without saying so.
pub(super) fn cut_off(model: &str) -> ModelError {
    let message = "the connection was cut in the middle of the answer".to_owned();
    ModelError { model: model.to_owned(), kind: ModelErrorKind::Transport { message }, hint: None }
}
