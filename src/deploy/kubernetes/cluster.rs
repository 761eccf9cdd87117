//! The API of a cluster: objects as JSON, as plans and annotations hold them.

use std::time::Duration;

use http::{Method, Request, header};
use kube::{Client, Error};
use serde_json::{Value, json};

use super::kind::Kind;
use crate::deploy::DeployError;

/// Whose fields they are that we set (server-side apply).
pub(super) const MANAGER: &str = "agentscope";

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A cluster, as one user sees it.
#[derive(Clone)]
pub(super) struct Cluster {
    pub(super) client: Client,
    /// Its address.
    pub(super) server: String,
}

impl Cluster {
    async fn ask(&self, method: Method, path: &str, body: Option<(&str, &Value)>) -> Result<Value, Error> {
        let mut request = Request::builder().method(method).uri(path).header(header::ACCEPT, "application/json");
        if let Some((form, _)) = body {
            request = request.header(header::CONTENT_TYPE, form);
        }
        let bytes = body.map(|(_, value)| value.to_string().into_bytes()).unwrap_or_default();
        let asked = self.client.request(request.body(bytes).map_err(Error::HttpError)?);
        tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| {
            let late = format!("it did not answer within {} s", PATIENCE.as_secs());
            Err(Error::Service(std::io::Error::other(late).into()))
        })
    }

    async fn must(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<Value, DeployError> {
        self.ask(method, path, body).await.map_err(|error| self.refused(what, &error))
    }

    /// One object; `None` where there is no such.
    pub(super) async fn get(&self, kind: Kind, namespace: &str, name: &str) -> Result<Option<Value>, DeployError> {
        let path = format!("{}/{name}", kind.path(Some(namespace)));
        let what = format!("show the {} `{name}`", kind.name());
        match self.ask(Method::GET, &path, None).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.refused(&what, &error)),
        }
    }

    /// The same; `None` also for who may not see it.
    pub(super) async fn see(&self, kind: Kind, namespace: &str, name: &str) -> Result<Option<Value>, DeployError> {
        let path = format!("{}/{name}", kind.path(Some(namespace)));
        match self.ask(Method::GET, &path, None).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if matches!(status(&error), Some(403 | 404)) => Ok(None),
            Err(error) => Err(self.refused(&format!("show the {} `{name}`", kind.name()), &error)),
        }
    }

    /// Those with these labels, such as `a=b,c`.
    pub(super) async fn list(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        labels: &str,
    ) -> Result<Vec<Value>, DeployError> {
        let path = format!("{}?labelSelector={}", kind.path(namespace), encoded(labels));
        let what = format!("list {}", kind.plural());
        let found = self.must(&what, Method::GET, &path, None).await?;
        Ok(items(found))
    }

    /// Whether the API has the group and version of this kind.
    ///
    /// # Errors
    /// A cluster that does not answer.
    pub(super) async fn serves(&self, kind: Kind) -> Result<bool, DeployError> {
        match self.ask(Method::GET, &format!("/apis/{}", kind.version()), None).await {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == Some(404) => Ok(false),
            Err(error) => Err(self.refused(&format!("say whether it has {}", kind.version()), &error)),
        }
    }

    /// Whether these may be listed in all namespaces.
    ///
    /// # Errors
    /// A cluster that does not answer.
    pub(super) async fn may_list_all(&self, kind: Kind) -> Result<bool, DeployError> {
        match self.ask(Method::GET, &format!("{}?limit=1", kind.path(None)), None).await {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == Some(403) => Ok(false),
            Err(error) => Err(self.refused(&format!("list {}", kind.plural()), &error)),
        }
    }

    /// What happened to one object, which others of its name are not.
    pub(super) async fn events(&self, namespace: &str, of: &Value) -> Vec<Value> {
        let uid = of["metadata"]["uid"].as_str().unwrap_or_default();
        let field = encoded(&format!("involvedObject.uid={uid}"));
        let path = format!("{}?fieldSelector={field}", Kind::Event.path(Some(namespace)));
        // Who may not see them does without.
        self.ask(Method::GET, &path, None).await.map(items).unwrap_or_default()
    }

    /// Makes the object, or what of it is ours, as it is here (server-side apply).
    pub(super) async fn apply(&self, kind: Kind, object: &Value) -> Result<Value, DeployError> {
        let (namespace, name) = place(object);
        let path =
            format!("{}/{name}?fieldManager={MANAGER}&force=true&fieldValidation=Strict", kind.path(Some(namespace)));
        let what = format!("apply the {} `{name}`", kind.name());
        self.must(&what, Method::PATCH, &path, Some(("application/apply-patch+yaml", object))).await
    }

    /// Makes an object that is not there; `false` where it is.
    pub(super) async fn create(&self, kind: Kind, object: &Value) -> Result<bool, DeployError> {
        let (namespace, name) = place(object);
        let path = format!("{}?fieldManager={MANAGER}", kind.path(Some(namespace)));
        let what = format!("make the {} `{name}`", kind.name());
        match self.ask(Method::POST, &path, Some(("application/json", object))).await {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == Some(409) => Ok(false),
            Err(error) => Err(self.refused(&what, &error)),
        }
    }

    /// Whether an object of this kind would be taken, with all that the cluster looks at, as quotas; none is made.
    ///
    /// # Errors
    /// Why it would not.
    pub(super) async fn would_take(&self, kind: Kind, object: &Value) -> Result<(), DeployError> {
        let (namespace, _) = place(object);
        let path = format!("{}?dryRun=All&fieldManager={MANAGER}", kind.path(Some(namespace)));
        match self.ask(Method::POST, &path, Some(("application/json", object))).await {
            Ok(_) => Ok(()),
            Err(Error::Api(said)) if matches!(said.code, 403 | 422) => Err(DeployError::Failed {
                what: format!("the cluster would not take a {} of it: {}", kind.name(), said.message),
                hint: Some(if said.message.contains("quota") {
                    "free some of the quota, or ask for less with `deploy.kubernetes.resources`".to_owned()
                } else {
                    "`deploy.kubernetes.resources` and `patches` say what is asked for".to_owned()
                }),
            }),
            Err(error) => Err(self.refused(&format!("look at a {} of it", kind.name()), &error)),
        }
    }

    pub(super) async fn merge(
        &self,
        kind: Kind,
        (namespace, name): (&str, &str),
        patch: &Value,
    ) -> Result<Value, DeployError> {
        let path = format!("{}/{name}?fieldManager={MANAGER}", kind.path(Some(namespace)));
        let what = format!("change the {} `{name}`", kind.name());
        self.must(&what, Method::PATCH, &path, Some(("application/merge-patch+json", patch))).await
    }

    /// Removes an object with what belongs to it; one that is not there is removed.
    pub(super) async fn delete(&self, kind: Kind, namespace: &str, name: &str) -> Result<(), DeployError> {
        self.remove(kind, namespace, name, &json!({ "propagationPolicy": "Background" })).await
    }

    /// The same, and what runs is given no time to end.
    pub(super) async fn delete_now(&self, kind: Kind, namespace: &str, name: &str) -> Result<(), DeployError> {
        self.remove(kind, namespace, name, &json!({ "gracePeriodSeconds": 0 })).await
    }

    async fn remove(&self, kind: Kind, namespace: &str, name: &str, options: &Value) -> Result<(), DeployError> {
        let path = format!("{}/{name}", kind.path(Some(namespace)));
        let what = format!("remove the {} `{name}`", kind.name());
        match self.ask(Method::DELETE, &path, Some(("application/json", options))).await {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == Some(404) => Ok(()),
            Err(error) => Err(self.refused(&what, &error)),
        }
    }

    /// Whether there is a namespace, as far as one may know.
    pub(super) async fn has_namespace(&self, name: &str) -> Result<bool, DeployError> {
        let what = format!("show the namespace `{name}`");
        match self.ask(Method::GET, &format!("/api/v1/namespaces/{name}"), None).await {
            Ok(_) => Ok(true),
            // Who may work in it need not be allowed to look at it.
            Err(error) if status(&error) == Some(403) => Ok(true),
            Err(error) if status(&error) == Some(404) => Ok(false),
            Err(error) => Err(self.refused(&what, &error)),
        }
    }

    pub(super) async fn make_namespace(&self, name: &str) -> Result<(), DeployError> {
        let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        let what = format!("make the namespace `{name}`");
        match self.ask(Method::POST, "/api/v1/namespaces", Some(("application/json", &object))).await {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == Some(409) => Ok(()),
            Err(error) => Err(self.refused(&what, &error)),
        }
    }

    /// Whether who asks may do this (SelfSubjectAccessReview).
    pub(super) async fn may(&self, attributes: &Value) -> Result<bool, DeployError> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": attributes },
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let body = Some(("application/json", &review));
        let answer = self.must("say what you may do", Method::POST, path, body).await?;
        Ok(answer["status"]["allowed"] == true)
    }

    /// Why the cluster did not do it.
    pub(super) fn refused(&self, what: &str, error: &Error) -> DeployError {
        let failed = |what: String, hint: &str| DeployError::Failed { what, hint: Some(hint.to_owned()) };
        match (status(error), error) {
            (Some(401), _) => failed(
                format!("the cluster `{}` does not know who asks", self.server),
                "the login in the kubeconfig may have expired: log in again as the cluster's documentation says",
            ),
            (Some(403), Error::Api(said)) => DeployError::Failed {
                what: format!("the cluster did not {what}: {}", said.message),
                hint: Some("ask for a role in the namespace that may do it".to_owned()),
            },
            (_, Error::Api(said)) => {
                DeployError::Failed { what: format!("the cluster did not {what}: {}", said.message), hint: None }
            }
            (_, Error::Auth(error)) => failed(
                format!("could not log in to the cluster `{}`: {}", self.server, chain(error)),
                "the kubeconfig says how; what it runs for that must be installed",
            ),
            (_, error) => failed(
                format!("could not reach the cluster `{}`: {}", self.server, without_wrapping(error)),
                "look at the server of the kubeconfig's current context, and at the way to it",
            ),
        }
    }
}

/// What went wrong, without what the library calls it.
fn without_wrapping(error: &Error) -> String {
    match error {
        Error::Service(inner) => chain(&**inner),
        error => chain(error),
    }
}

/// An error with all its causes, each said once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        next = cause.source();
    }
    said
}

fn status(error: &Error) -> Option<u16> {
    match error {
        Error::Api(said) => Some(said.code),
        _ => None,
    }
}

fn items(list: Value) -> Vec<Value> {
    match list {
        Value::Object(mut list) => match list.remove("items") {
            Some(Value::Array(items)) => items,
            _ => vec![],
        },
        _ => vec![],
    }
}

/// Namespace and name of an object.
fn place(object: &Value) -> (&str, &str) {
    let of = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    (of("namespace"), of("name"))
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
