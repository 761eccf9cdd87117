//! The Rust of `docs/library.md`: each block of it stands here, where the compiler sees it.
#![allow(dead_code, reason = "it is compiled, and not run")]

mod first {
    use agentscope::{AgentApp, BoxError};

    #[tokio::main]
    async fn main() -> Result<(), BoxError> {
        AgentApp::builder().file("agent.yaml").build().await?.run().await?;
        Ok(())
    }
}

mod tools {
    use agentscope::{AgentApp, ToolCx, app::AgentAppBuilder, tool};

    /// Models read these comments.
    #[derive(serde::Deserialize, agentscope::schemars::JsonSchema)]
    #[schemars(crate = "agentscope::schemars")]
    struct LookUp {
        /// The number on the invoice.
        number: u32,
    }

    fn added() -> AgentAppBuilder {
        let look_up = tool("look_up", "Looks up an order.", async |order: LookUp, cx: ToolCx| {
            Ok::<_, String>(format!("order {} of {} is on its way", order.number, cx.session.user))
        })
        .reads();
        AgentApp::builder().tool(look_up)
    }
}

mod routes {
    use agentscope::{
        AgentApp, ApiError, Caller,
        axum::extract::{Path, State},
    };

    async fn summary(State(app): State<AgentApp>, caller: Caller, Path(number): Path<u32>) -> Result<String, ApiError> {
        let session = caller.session(Some(&format!("order-{number}")))?;
        app.ask(session, format!("Where is order {number}?")).await
    }
}

mod answers {
    use agentscope::{AgentApp, BoxError, Message, Query, Reply, app::AgentAppBuilder, text_of};

    async fn answer(mut query: Query) -> Result<Reply, BoxError> {
        if query.text() == "ping" {
            return Ok(Reply::text("pong"));
        }
        if query.history.is_empty() {
            let topic = text_of(query.ask(vec![Message::user("What is this about?")])).await?;
            return Ok(Reply::text(format!("So it is about {topic}?")));
        }
        query.say(query.text().to_lowercase());
        Ok(query.pass())
    }

    fn added() -> AgentAppBuilder {
        AgentApp::builder().query(answer)
    }
}

#[test]
fn the_documentation_has_what_is_compiled_here() {
    let plain = |text: &str| text.split_whitespace().collect::<String>().replace(",)", ")");
    let (here, page) = (plain(include_str!("docs.rs")), include_str!("../../../docs/library.md"));
    let blocks: Vec<_> = page.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 4);
    for part in blocks.iter().flat_map(|block| block.split("\n\n")) {
        assert!(here.contains(&plain(part)), "{part}");
    }
}
