//! Compaction that the user sees before it holds: a draft of the summary, then the draft put in place.

use futures_util::StreamExt as _;
use tokio::sync::oneshot;

use super::{
    LocalAgent, TurnControl,
    caller::Opening,
    compact,
    driver::{Broken, Driver, Flow},
};
use crate::{
    domain::{Content, EventKind, Message, SessionKey, TurnOutcome, Usage},
    store::StoreError,
};

/// What a conversation would become.
#[derive(Clone, Debug, PartialEq)]
pub struct Compaction {
    /// What takes the place of the oldest messages.
    pub summary: String,
    /// How many messages it stands for.
    pub summarized: u32,
    /// Of a request, estimated.
    pub before_tokens: u64,
    pub after_tokens: u64,
    /// What making the draft used.
    pub usage: Usage,
    marker: Message,
    /// Messages of the session when it was made.
    at: u64,
}

impl Compaction {
    /// The same with a summary that the user wrote.
    #[must_use]
    pub fn with_summary(mut self, summary: &str) -> Self {
        let tokens = |text: &str| text.len() as u64 / compact::BYTES_PER_TOKEN;
        self.after_tokens = self.after_tokens.saturating_sub(tokens(&self.summary)) + tokens(summary);
        for part in &mut self.marker.content {
            if let Content::Summary { text, .. } = part {
                summary.clone_into(text);
            }
        }
        summary.clone_into(&mut self.summary);
        self
    }
}

/// Why there is no draft, or why it cannot be put in place.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    #[error("the conversation is too short to be made smaller")]
    Short,
    #[error("the conversation went on since: make a new draft")]
    Late,
    #[error("{0}")]
    Failed(String),
    #[error("it was stopped")]
    Canceled,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is asked of the driver.
pub(super) struct Wanted {
    guidance: String,
    drafted: oneshot::Sender<Drafted>,
}

struct Drafted {
    marker: Message,
    summarized: usize,
    before: u64,
    after: u64,
}

impl LocalAgent {
    /// Asks the model for a summary of the older part of a session, as `guidance` wants it. Changes nothing.
    ///
    /// # Errors
    /// A conversation that is too short, or that somebody else works on; a model that does not answer.
    pub async fn draft_compaction(
        &self,
        key: &SessionKey,
        guidance: &str,
        control: TurnControl,
    ) -> Result<Compaction, DraftError> {
        let (sender, drafted) = oneshot::channel();
        let wanted = Wanted { guidance: guidance.to_owned(), drafted: sender };
        let mut events = self.begin(key.clone(), Ok(Opening::draft(wanted)), control);
        let mut usage = Usage::default();
        while let Some(event) = events.next().await {
            if let EventKind::TurnFinished { outcome, usage: used } = event.kind {
                usage = used;
                match outcome {
                    TurnOutcome::Completed { .. } | TurnOutcome::ToolCalls { .. } => {}
                    TurnOutcome::Canceled => return Err(DraftError::Canceled),
                    TurnOutcome::Failed { message, .. } => return Err(DraftError::Failed(message)),
                }
            }
        }
        let Drafted { marker, summarized, before, after } = drafted.await.map_err(|_| DraftError::Short)?;
        let at = self.sessions().info(key).await?.messages;
        Ok(Compaction {
            summary: marker.content.iter().map(summary).collect(),
            summarized: u32::try_from(summarized).unwrap_or(u32::MAX),
            before_tokens: before / compact::BYTES_PER_TOKEN,
            after_tokens: after / compact::BYTES_PER_TOKEN,
            usage,
            marker,
            at,
        })
    }

    /// Puts a draft in place. The messages that it stands for stay in the session, for people.
    ///
    /// # Errors
    /// [`DraftError::Late`] where something was said since; a session that is in use or cannot be written.
    pub async fn apply_compaction(&self, key: &SessionKey, draft: &Compaction) -> Result<(), DraftError> {
        let held = self.hold(key).await?;
        if held.history.len() as u64 != draft.at {
            return Err(DraftError::Late);
        }
        Ok(self.sessions().append(key, std::slice::from_ref(&draft.marker)).await?)
    }
}

fn summary(part: &Content) -> &str {
    match part {
        Content::Summary { text, .. } => text,
        _ => "",
    }
}

impl Driver {
    /// A conversation of which nothing can be left out gives no draft.
    pub(super) async fn draft(&mut self, wanted: Wanted) -> Flow {
        let listing = self.list_tools().await?;
        let before = compact::size(&self.request(&listing));
        let context: u64 =
            self.turn.context().iter().flat_map(|message| &message.content).map(compact::part_size).sum();
        // The newest quarter of what was said stays as it is.
        let Some(cut) = compact::cut(self.turn.context(), context / 4) else { return Ok(()) };
        let marker = match self.summarize(cut, before, &wanted.guidance).await {
            Ok(marker) => marker,
            Err(Broken::Ended(ended)) => return Err(ended),
            Err(Broken::Model(error)) => return Err(error.into()),
        };
        let shorter = [std::slice::from_ref(&marker), &self.turn.context()[cut..]].concat();
        self.turn.set_context(shorter);
        let after = compact::size(&self.request(&listing));
        // Who asked may have gone away.
        let _ = wanted.drafted.send(Drafted { marker, summarized: cut, before, after });
        Ok(())
    }
}
