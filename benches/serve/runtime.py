"""An agent of the Python runtime, as its quickstart has it: a new agent with its own model client for each request, and
sessions in a Redis, here one within the process."""

import contextlib
import os

import fakeredis
from agentscope import agent, formatter, memory, model, pipeline, session, tool
from agentscope_runtime.engine import AgentApp


@contextlib.asynccontextmanager
async def keep_sessions(app):
    redis = fakeredis.aioredis.FakeRedis(decode_responses=True)
    app.state.sessions = session.RedisSession(connection_pool=redis.connection_pool)
    yield


app = AgentApp(app_name="bench", app_description="A helpful assistant", lifespan=keep_sessions)


@app.query(framework="agentscope")
async def answer(self, msgs, request=None, **_):
    tools = tool.Toolkit()
    tools.register_tool_function(tool.execute_python_code)
    address = {"base_url": os.environ["OPENAI_BASE_URL"]}
    assistant = agent.ReActAgent(
        name="bench",
        sys_prompt="You're a helpful assistant.",
        model=model.OpenAIChatModel("stub", api_key="none", stream=True, client_kwargs=address),
        formatter=formatter.OpenAIChatFormatter(),
        toolkit=tools,
        memory=memory.InMemoryMemory(),
    )
    assistant.set_console_output_enabled(enabled=False)
    whose = {"session_id": request.session_id, "user_id": request.user_id, "agent": assistant}
    await app.state.sessions.load_session_state(**whose)
    async for message, last in pipeline.stream_printing_messages(agents=[assistant], coroutine_task=assistant(msgs)):
        yield message, last
    await app.state.sessions.save_session_state(**whose)


app.run(host="127.0.0.1", port=int(os.environ["PORT"]))
