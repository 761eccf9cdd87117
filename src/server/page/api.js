// The server's own API. A token, where one is wanted, lives as long as the tab.

let login = async () => null;

/** Says how a token is asked for. */
export const onLogin = (ask) => { login = ask; };

const headers = () => {
  const token = sessionStorage.getItem("token");
  return token ? { authorization: `Bearer ${token}` } : {};
};

async function call(method, path, body, more = {}) {
  for (;;) {
    const response = await fetch(path, {
      method,
      headers: { ...headers(), ...(body ? { "content-type": "application/json" } : {}), ...more },
      body: body && JSON.stringify(body),
    });
    if (response.status === 401) {
      const token = await login();
      if (token) { sessionStorage.setItem("token", token); continue; }
    }
    if (!response.ok) {
      const told = await response.json().catch(() => null);
      throw new Error(told?.message ?? `the server answered ${response.status}`);
    }
    return response;
  }
}

const json = async (...request) => (await call(...request)).json();
const id = encodeURIComponent;

export const agents = () => json("GET", "agents");
export const sessions = (agent) => json("GET", `sessions?agent=${id(agent)}`);
export const session = (session) => json("GET", `sessions/${id(session)}`);
export const rename = (session, title) => call("PATCH", `sessions/${id(session)}`, { title });
export const remove = (session) => call("DELETE", `sessions/${id(session)}`);
export const answer = (turn, answer) => call("POST", `turns/${id(turn)}/answer`, answer);
export const steer = (turn, input) => call("POST", `turns/${id(turn)}/steer`, { input });
export const cancel = (turn) => call("POST", `turns/${id(turn)}/cancel`);

/** Reads server-sent events to their end; each is given to `onEvent` once parsed. */
async function read(response, onEvent) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2)) {
      const data = rest.slice(0, end).split("\n").find((line) => line.startsWith("data: "));
      if (data) onEvent(JSON.parse(data.slice(6)));
    }
  }
}

const wait = (time) => new Promise((done) => { setTimeout(done, time); });

/** Begins a turn and sees it to its end, over as many connections as that takes. */
export async function turn(agent, request, onEvent) {
  let last = null;
  const see = (event) => {
    last = event;
    onEvent(event);
  };
  const begun = await call("POST", `agents/${id(agent)}/turns`, { ...request, on_disconnect: "continue" });
  await read(begun, see).catch(() => {});
  await rest(last, see);
}

/** Goes on with a turn whose connection broke off after the event `last`. */
async function rest(last, see) {
  const over = () => last?.type === "turn_finished" && !last.agent.includes("/");
  const watch = (event) => { last = event; see(event); };
  for (let tries = 0; last && !over(); tries += 1) {
    if (tries === 8) throw new Error("the connection to the server was lost");
    await wait(250 * 2 ** tries);
    try {
      const response = await call("GET", `turns/${id(last.turn)}/events`, null, { "last-event-id": String(last.seq) });
      tries = 0;
      await read(response, watch);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
}
