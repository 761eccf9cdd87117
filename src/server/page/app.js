// The page: which agent, which session, what is said.

import * as api from "./api.js";
import { Transcript } from "./transcript.js";

const at = (id) => document.getElementById(id);
const state = { agents: [], agent: null, session: null, turn: null, images: [] };

const transcript = new Transcript(at("transcript"), (turn, answer) => attempt(() => api.answer(turn, answer)));

async function attempt(work) {
  at("problem").hidden = true;
  try {
    return await work();
  } catch (error) {
    at("problem").textContent = error.message;
    at("problem").hidden = false;
    return undefined;
  }
}

/** Shows a dialog; its input's value, or null where it was left. */
function ask(dialog, input) {
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "cancel" || !input.value ? null : input.value), { once: true });
    dialog.returnValue = "";
    dialog.showModal();
    input.select();
  });
}

let asking = null;
api.onLogin(() => {
  at("token").value = "";
  asking ??= ask(at("login"), at("token")).finally(() => { asking = null; });
  return asking;
});

function running(turn) {
  state.turn = turn;
  at("stop").hidden = !turn;
  at("send").textContent = turn ? "Add" : "Send";
}

function show(id, title) {
  state.session = id;
  at("title").textContent = title || "New chat";
  at("rename").hidden = at("delete").hidden = !id;
  const hash = id ? `#${encodeURIComponent(id)}` : "";
  history.replaceState(null, "", location.pathname + location.search + hash);
}

function begin() {
  running(null);
  show(null);
  transcript.clear();
  const { welcome } = state.agents.find(({ name }) => name === state.agent) ?? {};
  if (welcome) transcript.text("").finish(welcome);
  at("text").focus();
}

async function list() {
  const sessions = await api.sessions(state.agent);
  at("sessions").replaceChildren(...sessions.map(({ id, title }) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title || id;
    if (id === state.session) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => attempt(() => open(id)));
    item.append(button);
    return item;
  }));
  const current = sessions.find(({ id }) => id === state.session);
  if (current) at("title").textContent = current.title;
}

async function open(id) {
  const { session, messages } = await api.session(id);
  begin();
  transcript.clear();
  show(session.id, session.title);
  transcript.history(messages);
  at("side").classList.remove("open");
  await list();
}

async function send(text) {
  const images = state.images;
  const content = [...images, ...(text ? [{ type: "text", text }] : [])];
  const session = state.session ?? `web_${crypto.randomUUID?.() ?? Math.random().toString(36).slice(2)}`;
  attachments([]);
  transcript.user(content);
  if (state.turn) return void await api.steer(state.turn, content);
  if (!state.session) show(session);
  running("");
  const mine = (event) => {
    if (state.session !== session) return;
    if (event.type === "turn_started" && state.turn !== event.turn) running(event.turn);
    transcript.event(event);
  };
  try {
    await api.turn(state.agent, { input: content, session_id: session }, mine);
  } finally {
    if (state.session === session) running(null);
    await list();
  }
}

function attachments(images) {
  state.images = images;
  at("attached").replaceChildren(...images.map((image) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const shown = document.createElement("img");
    button.type = "button";
    button.title = "Remove";
    shown.alt = "Attached image; press to remove";
    shown.src = `data:${image.media_type};base64,${image.data}`;
    button.append(shown);
    button.addEventListener("click", () => attachments(state.images.filter((other) => other !== image)));
    item.append(button);
    return item;
  }));
}

const load = (file) => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.addEventListener("load", () => done({ type: "image", media_type: file.type, data: reader.result.split(",")[1] }));
  reader.addEventListener("error", () => failed(reader.error));
  reader.readAsDataURL(file);
});

at("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = at("text").value.trim();
  if (!text && !state.images.length) return;
  // A turn that has not said its name yet cannot be spoken to.
  if (state.turn === "") return;
  at("text").value = "";
  attempt(() => send(text));
});
at("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    at("composer").requestSubmit();
  }
});
at("files").addEventListener("change", () => attempt(async () => {
  const images = await Promise.all([...at("files").files].map(load));
  at("files").value = "";
  attachments([...state.images, ...images]);
}));
at("stop").addEventListener("click", () => state.turn && attempt(() => api.cancel(state.turn)));
at("new").addEventListener("click", () => { begin(); attempt(list); });
at("menu").addEventListener("click", () => {
  const open = at("side").classList.toggle("open");
  at("menu").setAttribute("aria-expanded", String(open));
});
at("agent").addEventListener("change", () => {
  state.agent = at("agent").value;
  begin();
  attempt(list);
});
at("rename").addEventListener("click", () => attempt(async () => {
  at("name").value = at("title").textContent;
  const title = await ask(at("naming"), at("name"));
  if (title) { await api.rename(state.session, title); await list(); }
}));
at("delete").addEventListener("click", () => attempt(async () => {
  if (!confirm("Delete this session and everything in it?")) return;
  await api.remove(state.session);
  begin();
  await list();
}));

await attempt(async () => {
  state.agents = await api.agents();
  state.agent = state.agents[0].name;
  document.title = at("side").querySelector("h1").textContent = state.agent;
  at("agent").replaceChildren(...state.agents.map(({ name, description }) => new Option(description ? `${name}: ${description}` : name, name)));
  at("agent").hidden = state.agents.length < 2;
  const wanted = decodeURIComponent(location.hash.slice(1));
  begin();
  if (wanted) await open(wanted);
  else await list();
});
