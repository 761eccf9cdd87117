//! Which conversation a response goes on with.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use http::StatusCode;

use super::{
    kept::{END, PROTOCOL},
    request::Asked,
};
use crate::{
    domain::{SessionId, SessionKey, TaskId},
    server::{ApiError, App, Caller},
    store::StoreError,
};

/// Where the turn takes place.
pub(super) struct Place {
    pub(super) key: SessionKey,
    /// The server has the conversation.
    pub(super) kept: bool,
    /// The response can be asked for later.
    pub(super) stored: bool,
    /// Nobody else goes on from the same response, until the turn has begun.
    pub(super) claim: Option<Claim>,
}

/// The responses that somebody is about to go on with. Two who go on with the same one at once part ways.
#[derive(Clone, Default)]
pub(super) struct Claims(Arc<Mutex<HashSet<SessionKey>>>);

/// The right to go on in a session, until it is dropped.
pub(super) struct Claim {
    claims: Claims,
    key: SessionKey,
}

impl Claims {
    fn take(&self, key: &SessionKey) -> Option<Claim> {
        let new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        new.then(|| Claim { claims: self.clone(), key: key.clone() })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Finds it.
///
/// # Errors
/// 404 for a response that there is not, or that is another user's; 400 for a request that brings a conversation and
/// names one.
pub(super) async fn find(
    app: &App,
    claims: &Claims,
    caller: &Caller,
    header: Option<SessionId>,
    asked: &Asked,
) -> Result<Place, ApiError> {
    let user = asked.echo.user.as_deref();
    let session = asked.session.clone().or(header);
    let brings = !asked.conversation.history.is_empty();
    let goes_on = session.is_some() || asked.echo.previous_response_id.is_some();
    if brings && goes_on {
        return Err(ApiError::invalid(
            "`input` holds answers of the agent, which the conversation that it goes on with has already: send what is new",
        ));
    }
    if let Some(previous) = &asked.echo.previous_response_id {
        let (key, claim) = after(app, claims, caller, user, previous).await?;
        return Ok(Place { key, kept: true, stored: asked.store != Some(false), claim });
    }
    let user = caller.user(user)?;
    // A caller that sends the whole conversation keeps it.
    let stored = asked.store.unwrap_or(session.is_some() || !brings);
    let kept = stored || session.is_some();
    let key = SessionKey { user, session: session.unwrap_or_default() };
    if brings && kept {
        app.stores.sessions.append(&key, &asked.conversation.history).await?;
    }
    Ok(Place { key, kept, stored, claim: None })
}

/// The conversation up to the end of that response: the session itself where nothing was said since, else a copy.
async fn after(
    app: &App,
    claims: &Claims,
    caller: &Caller,
    user: Option<&str>,
    previous: &str,
) -> Result<(SessionKey, Option<Claim>), ApiError> {
    let missing = || {
        let message = format!("there is no response `{previous}` to go on with");
        ApiError::new(StatusCode::NOT_FOUND, "previous_response_not_found", message)
    };
    let owner = match user {
        Some(_) => Some(caller.user(user)?),
        None => caller.bound().map(str::to_owned),
    };
    let record = match app.stores.tasks.task(owner.as_deref(), &TaskId::from(previous)).await {
        Ok(record) if record.protocol == PROTOCOL => record,
        Ok(_) | Err(StoreError::NoTask(_)) => return Err(missing()),
        Err(error) => return Err(error.into()),
    };
    let key = record.key;
    let Some(end) = record.request[END].as_u64() else {
        // It asked something, and its turn is not over, or went on without an answer.
        let claim = claims.take(&key);
        return Ok((key, claim));
    };
    let sessions = &app.stores.sessions;
    let claim = claims.take(&key);
    if claim.is_some() && app.runs.of_session(&key).is_none() && sessions.info(&key).await?.messages == end {
        return Ok((key, claim));
    }
    let new = SessionId::new();
    sessions.fork(&key, Some(end), new.clone()).await?;
    Ok((SessionKey { session: new, ..key }, None))
}
