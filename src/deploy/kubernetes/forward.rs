//! The way to a pod through the cluster's API, where no address leads to it.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use super::{Site, cluster::Cluster, observe::number, pods};
use crate::{
    config::{Secret, agent_file::Smoke},
    deploy::{DeployError, Forward, probe},
};

/// For an answer to whether it is ready.
const READINESS: Duration = Duration::from_secs(10);
/// Of an answer.
const SIZE: usize = 4 << 20;

/// What an agent answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// A connection to a port of a pod.
async fn open(
    client: &Client,
    namespace: &str,
    pod: &str,
    port: u16,
) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static + use<>, kube::Error> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let mut forwarder = pods.portforward(pod, &[port]).await?;
    let stream = forwarder.take_stream(port);
    stream.ok_or_else(|| kube::Error::ReadEvents(std::io::Error::other("the API gave no stream")))
}

impl Cluster {
    /// Asks the agent in a pod.
    ///
    /// # Errors
    /// No answer, with the reason.
    pub(super) async fn ask_pod(
        &self,
        (namespace, pod, port): (&str, &str, u16),
        token: &Secret,
        (method, path, body): (Method, &str, Option<&Value>),
    ) -> Result<Answer, String> {
        let stream = open(&self.client, namespace, pod, port).await;
        let stream = stream.map_err(|error| self.refused("forward a port", &error).to_string())?;
        let said = |error: hyper::Error| error.to_string();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(said)?;
        let connection = tokio::spawn(connection);
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, format!("127.0.0.1:{port}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", token.expose()))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(bytes))
            .map_err(|error| error.to_string())?;
        let response = sender.send_request(request).await.map_err(said)?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), SIZE).collect().await.map_err(|error| error.to_string())?;
        connection.abort();
        Ok(Answer { status, body: String::from_utf8_lossy(&body.to_bytes()).into_owned() })
    }

    /// Why the agent in a pod is not ready, as far as it says; `None` where it is.
    pub(super) async fn unready(&self, at: (&str, &str, u16), token: &Secret) -> Option<String> {
        let asked = self.ask_pod(at, token, (Method::GET, "/readiness", None));
        match tokio::time::timeout(READINESS, asked).await {
            Ok(Ok(Answer { status: 200, .. })) => None,
            Ok(Ok(answer)) => Some(probe::reasons(&answer.body)),
            Ok(Err(_)) | Err(_) => Some(String::new()),
        }
    }

    /// Asks what the agent file wants every new revision to be asked.
    ///
    /// # Errors
    /// No answer, or another one.
    pub(super) async fn smoke(
        &self,
        at: (&str, &str, u16),
        token: &Secret,
        smoke: &Smoke,
        patience: Duration,
    ) -> Result<(), String> {
        let body = json!({ "messages": [{ "role": "user", "content": smoke.prompt }] });
        let asked = (Method::POST, "/v1/chat/completions", Some(&body));
        let answer = tokio::time::timeout(patience, self.ask_pod(at, token, asked)).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {} s", patience.as_secs())));
        let answer = answer.map_err(|why| format!("the new revision could not answer `deploy.smoke`: {why}"))?;
        let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let text = said["choices"][0]["message"]["content"].as_str();
        let shown = |text: &str| text.trim().chars().take(200).collect::<String>();
        match (text, &smoke.expect) {
            (Some(text), Some(expect)) if !text.contains(expect) => Err(format!(
                "the new revision answered `deploy.smoke` with `{}`, which has no `{expect}` in it",
                shown(text)
            )),
            (Some(_), _) if answer.status == 200 => Ok(()),
            _ => {
                let why = said["error"]["message"].as_str().unwrap_or(&answer.body);
                Err(format!("the new revision could not answer `deploy.smoke`: {}", shown(why)))
            }
        }
    }
}

impl Site {
    /// An address of this machine that leads to the `port` of a pod of the `current` revision, for as long as it is held.
    pub(super) fn forward(
        &self,
        (namespace, name): (&str, &str),
        (pods, current): (&[Value], u32),
        port: Option<u16>,
    ) -> Result<Forward, DeployError> {
        let mut mine = pods.iter().filter(|pod| number(pod) == current);
        let pod = mine.find(|pod| pods::is_running(pod) && pods::is_ready(pod));
        let (Some(pod), Some(port)) = (pod, port) else {
            return Err(DeployError::Failed {
                what: format!("`{}` has no pod that is ready", self.target.id(namespace, name)),
                hint: Some("`agentscope status` and `agentscope logs` show why".to_owned()),
            });
        };
        let (namespace, pod) = (namespace.to_owned(), pods::name(pod).to_owned());
        let config = self.config.clone();
        Forward::start(move |listener, stop| serve(config, listener, namespace, pod, port, stop))
    }
}

/// Until told: each connection gets one of its own to the pod.
async fn serve(
    config: kube::Config,
    listener: TcpListener,
    namespace: String,
    pod: String,
    port: u16,
    stop: oneshot::Receiver<()>,
) {
    // A client belongs to the runtime that made it.
    let Ok(client) = Client::try_from(config) else { return };
    let accepting = async {
        while let Ok((here, _)) = listener.accept().await {
            tokio::spawn(join(client.clone(), here, namespace.clone(), pod.clone(), port));
        }
    };
    tokio::select! {
        () = accepting => {}
        _ = stop => {}
    }
}

async fn join(client: Client, mut here: TcpStream, namespace: String, pod: String, port: u16) {
    match open(&client, &namespace, &pod, port).await {
        Ok(mut there) => drop(tokio::io::copy_bidirectional(&mut here, &mut there).await),
        Err(error) => tracing::warn!(%error, "could not forward a port"),
    }
}
