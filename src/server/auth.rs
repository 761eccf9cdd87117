//! Who calls: bearer tokens, each with the user whose things it reaches.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use subtle::ConstantTimeEq as _;

use super::{ApiError, App, edge::Seen, limits::Payer};
use crate::{
    config::agent_file::Token,
    domain::{SessionId, SessionKey},
};

/// Whose things somebody reaches who says nothing of himself, where no token is asked for.
pub(super) const ANYBODY: &str = "anonymous";

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name of the token; `None` where none is asked for.
    pub token: Option<String>,
    /// The only user whose things are reached.
    bound: Option<String>,
    /// May stop the server.
    pub admin: bool,
}

impl Caller {
    /// One who started the server himself, and reaches the things of `user`.
    #[must_use]
    pub fn of_user(user: String) -> Self {
        Self { token: None, bound: Some(user), admin: false }
    }

    /// The user a request is made for; `asked` is the one that it names.
    ///
    /// # Errors
    /// 403 where the token is another user's.
    pub fn user(&self, asked: Option<&str>) -> Result<String, ApiError> {
        let asked = asked.filter(|user| !user.is_empty());
        match (&self.bound, asked) {
            (Some(bound), Some(asked)) if bound != asked => Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "wrong_user",
                format!("this token acts for `{bound}`, not for `{asked}`"),
            )),
            (Some(user), _) => Ok(user.clone()),
            (None, Some(user)) => Ok(user.to_owned()),
            (None, None) => Ok(ANYBODY.to_owned()),
        }
    }

    /// The session `id` of this caller, a new one where `None`. Where the caller may act for any user, it is of the one
    /// that nobody named: routes that name a user ask [`Caller::user`].
    ///
    /// # Errors
    /// 400 where the id could not be typed.
    pub fn session(&self, id: Option<&str>) -> Result<SessionKey, ApiError> {
        let session = match id {
            Some(id) => {
                SessionId::parse(id).map_err(|error| ApiError::invalid(format!("the session's id: {error}")))?
            }
            None => SessionId::new(),
        };
        Ok(SessionKey { user: self.user(None)?, session })
    }

    /// The user whose things are all that is reached; `None` for one who reaches everybody's.
    #[must_use]
    pub fn bound(&self) -> Option<&str> {
        self.bound.as_deref()
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(unauthorized)
    }
}

fn unauthorized() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", "this server wants a bearer token in `Authorization`")
}

/// Finds the caller, whom handlers ask for as an argument.
pub(super) async fn identify(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    match admitted(&app, request.extensions().get(), request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => {
            let unknown = error.status == StatusCode::UNAUTHORIZED;
            let mut response = error.into_response();
            if unknown {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            response
        }
    }
}

/// The caller, whose request is counted. Who tries tokens is limited as well.
///
/// # Errors
/// 401 without one of the tokens, where there are any; 429.
pub(super) fn admitted(app: &App, seen: Option<&Seen>, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let found = caller(&app.tokens(), headers);
    let token = found.as_ref().ok().and_then(|caller| caller.token.clone());
    let address = seen.map(|seen| Payer::address(seen.peer));
    if let Some(payer) = token.map(Payer::Token).or(address) {
        app.limits.charge(&payer)?;
    }
    found
}

/// # Errors
/// 401 without one of the tokens, where there are any.
fn caller(tokens: &[Token], headers: &HeaderMap) -> Result<Caller, ApiError> {
    if tokens.is_empty() {
        return Ok(Caller { token: None, bound: None, admin: false });
    }
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    let given = given.ok_or_else(unauthorized)?;
    // All are compared, so that the time says nothing of which one nearly fits.
    let mut found = None;
    for token in tokens {
        if bool::from(token.value.expose().as_bytes().ct_eq(given.as_bytes())) {
            found = Some(token);
        }
    }
    let token =
        found.ok_or_else(|| ApiError { message: "this server knows no such token".to_owned(), ..unauthorized() })?;
    Ok(Caller { token: Some(token.name.clone()), bound: token.user.clone(), admin: token.admin })
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}
