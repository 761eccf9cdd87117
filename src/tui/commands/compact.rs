//! `/compact`: a draft of the summary, then a yes.

use tokio_util::sync::CancellationToken;

use super::{Confirm, Effect, Failure, Name, Next, Part, Step, Talk};
use crate::agent::{Compaction, TurnControl};

impl Talk {
    pub(super) async fn compact(&self, guidance: &str) -> Result<Effect, Failure> {
        let agent = self.here(Name::Compact).await?;
        // Dropping the work of a command drops this.
        let cancel = CancellationToken::new();
        let _guard = cancel.clone().drop_guard();
        let draft = agent.draft_compaction(&self.key, guidance, TurnControl::unattended(cancel)).await?;
        Ok(shown(draft))
    }

    pub(super) async fn apply_compaction(&self, draft: &Compaction) -> Result<Effect, Failure> {
        self.here(Name::Compact).await?.apply_compaction(&self.key, draft).await?;
        Ok(Effect::text("done; the messages stay in the session for you to read\n"))
    }
}

/// The draft to read, and the question whether it is to be taken.
pub(in crate::tui) fn shown(draft: Compaction) -> Effect {
    let text = format!(
        "{}\n\nThis would stand for the first {} messages: about {} tokens rather than {}.\n",
        draft.summary.trim_end(),
        draft.summarized,
        draft.after_tokens,
        draft.before_tokens
    );
    let question = "put it in their place".to_owned();
    let confirm = Next::Confirm(Confirm { question, then: Step::Compact(Box::new(draft)) });
    Effect { parts: vec![Part::Text(text)], next: confirm }
}
