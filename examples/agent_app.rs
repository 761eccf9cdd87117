//! A shop's agent: a tool, a route, hooks and a handler of its own beside the agent file.
//!
//! `cargo run --example agent_app`, then, in another terminal:
//! `curl -H "authorization: Bearer shop-token" 127.0.0.1:8090/orders/17/summary`

#![expect(clippy::print_stderr, reason = "an example has no log")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use agentscope::{
    AgentApp, ApiError, BoxError, Caller, Query, Reply, ToolCx,
    axum::{
        Json,
        extract::{Path, State},
        routing::get,
    },
    schemars::JsonSchema,
    tool,
};
use serde::Deserialize;
use serde_json::{Value, json};

const AGENT: &str = r#"
name: shop
model: demo
instructions: You answer questions about orders.
serve:
  tokens: [{name: web, value: "${SHOP_TOKEN:-shop-token}", user: ann}]
"#;

/// The arguments of the tool. The model reads these comments.
#[derive(Deserialize, JsonSchema)]
struct LookUp {
    /// The number on the invoice.
    number: u32,
}

/// What the tool works on, and the hooks too.
#[derive(Default)]
struct Orders {
    looked_up: AtomicU32,
}

impl Orders {
    /// The tool. What it gives is told to the model, an error as well.
    async fn look_up(self: Arc<Self>, order: LookUp, cx: ToolCx) -> Result<Value, String> {
        if order.number == 0 {
            return Err("orders are numbered from 1".to_owned());
        }
        self.looked_up.fetch_add(1, Ordering::Relaxed);
        Ok(json!({ "number": order.number, "state": "on its way", "of": cx.session.user }))
    }
}

/// A route: it asks for the same tokens as every other, and has the agent at hand.
async fn summary(
    State(app): State<AgentApp>,
    caller: Caller,
    Path(number): Path<u32>,
) -> Result<Json<Value>, ApiError> {
    let session = caller.session(Some(&format!("order-{number}")))?;
    let text = app.ask(session, format!(r#"TOOL:look_up:{{"number": {number}}}"#)).await?;
    Ok(Json(json!({ "order": number, "text": text })))
}

/// Answers every request, whichever protocol it came by. Most are passed on to the agent.
async fn answer(mut query: Query) -> Result<Reply, BoxError> {
    match query.text().as_str() {
        "ping" => Ok(Reply::text("pong")),
        "fail" => Err("the shop is closed".into()),
        "order" => {
            query.say(r#"TOOL:look_up:{"number": 1}"#);
            Ok(query.pass())
        }
        _ => Ok(query.pass()),
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address: SocketAddr = std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:8090").parse()?;
    let orders = Arc::new(Orders::default());
    let (of_tool, of_hook) = (Arc::clone(&orders), orders);

    let app = AgentApp::builder()
        .yaml(AGENT)
        .tool(tool("look_up", "Looks up an order.", move |order, cx| Arc::clone(&of_tool).look_up(order, cx)).reads())
        .route("/orders/{number}/summary", get(summary))
        .query(answer)
        .on_startup(async |app: AgentApp| {
            eprintln!("opening {}", app.loaded().file.name);
            Ok::<_, BoxError>(())
        })
        .on_shutdown(move |_| {
            eprintln!("closing after {} orders", of_hook.looked_up.load(Ordering::Relaxed));
            std::future::ready(Ok::<_, BoxError>(()))
        })
        .build()
        .await?;

    let listening = app.listen(address).await?;
    eprintln!("listening on http://{}", listening.address());
    Ok(listening.run().await?)
}
