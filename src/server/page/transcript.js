// The conversation on the page: a fold over the events of a turn, and over the messages of a session.

import { Growing } from "./markdown.js";

const make = (tag, kind, text) => {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  if (text !== undefined) element.textContent = text;
  return element;
};

const image = ({ media_type: type, data }) => {
  const element = make("img");
  element.alt = "image";
  element.src = `data:${type};base64,${data}`;
  return element;
};

const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
const spoken = { ok: "done", failed: "failed", denied: "denied", canceled: "canceled" };

export class Transcript {
  /** `onAnswer` is called with what the user says to a question of a turn. */
  constructor(element, onAnswer) {
    this.element = element;
    this.onAnswer = onAnswer;
    this.clear();
  }

  clear() {
    this.element.replaceChildren();
    this.tools = new Map();
    this.asks = new Map();
    this.open = new Map();
  }

  add(element, path) {
    const low = this.element.scrollHeight - this.element.scrollTop - this.element.clientHeight < 80;
    if (path?.includes("/")) element.classList.add("nested");
    this.element.append(element);
    if (low) this.scroll();
    return element;
  }

  scroll() {
    this.element.scrollTop = this.element.scrollHeight;
  }

  user(content) {
    const element = make("div", "user");
    for (const part of content) {
      element.append(part.type === "image" ? image(part) : (part.text ?? ""));
    }
    this.add(element);
    this.scroll();
  }

  problem(text) {
    this.add(make("p", "problem", text));
  }

  /** The messages of a session that is opened. */
  history(messages) {
    for (const { role, content } of messages) {
      if (role === "user" && content.some((part) => part.type !== "summary")) this.user(content);
      for (const part of content) {
        if (role === "assistant" && part.type === "text") this.text("").finish(part.text);
        if (part.type === "reasoning" && part.text) this.reasoning("").textContent = part.text;
        if (part.type === "tool_call") this.tool("", part.call_id, part.name, part.arguments);
        if (part.type === "tool_result") this.result(part.call_id, part.outcome);
        if (part.type === "summary") this.add(make("p", "note", "What came before was summarized."));
      }
      this.open.clear();
    }
    this.scroll();
  }

  text(path) {
    const growing = new Growing();
    this.add(growing.element, path);
    return growing;
  }

  reasoning(path) {
    const card = make("details", "reasoning");
    const body = make("pre");
    card.append(make("summary", "", "Thoughts"), body);
    this.add(card, path);
    return body;
  }

  tool(path, id, name, args) {
    const card = make("details", "tool");
    const summary = make("summary");
    const state = make("span", "state", "…");
    summary.append(state, " ", make("b", "", name), " ", make("span", "note", args === undefined ? "" : JSON.stringify(args)));
    const output = make("pre");
    card.append(summary);
    if (args !== undefined) card.append(make("pre", "arguments", pretty(args)));
    card.append(output);
    output.hidden = true;
    this.tools.set(id, { card, state, output });
    this.add(card, path);
  }

  result(id, outcome) {
    const tool = this.tools.get(id);
    if (!tool) return;
    tool.card.classList.add(outcome.status);
    tool.state.textContent = spoken[outcome.status] ?? outcome.status;
    const parts = outcome.content ?? [];
    const text = outcome.error ?? outcome.reason ?? parts.map((part) => part.text ?? "").join("\n");
    tool.output.textContent = text;
    tool.output.hidden = !text;
    tool.card.append(...parts.filter((part) => part.type === "image").map(image));
  }

  ask(turn, id, text, choices, give) {
    const card = make("div", "ask");
    const form = make("form");
    card.append(make("p", "", text), form);
    const say = async (...said) => {
      for (const button of form.elements) button.disabled = true;
      await this.onAnswer(turn, give(...said));
    };
    for (const [label, ...said] of choices) {
      const button = make("button", "", label);
      button.type = "button";
      button.addEventListener("click", () => say(...said));
      form.append(button);
    }
    this.asks.set(id, card);
    this.add(card);
    this.scroll();
    return { form, say };
  }

  approval({ turn, call, reason }) {
    const give = (decision) => ({ to: "approval", call_id: call.call_id, decision });
    const text = `May it call ${call.name}?\n${pretty(call.arguments)}\n${reason}`;
    this.ask(turn, call.call_id, text, [
      ["Allow", { decision: "allow" }],
      ["Allow for this session", { decision: "allow_session" }],
      ["Deny", { decision: "deny" }],
    ], give);
  }

  question({ turn, id, question }) {
    const give = (answer) => ({ to: "question", id, answer });
    const choices = (question.choices ?? []).map((choice) => [choice, choice]);
    const { form, say } = this.ask(turn, id, question.text, choices, give);
    if (!question.closed) {
      const input = make("input");
      input.setAttribute("aria-label", "Answer");
      const send = make("button", "", "Answer");
      form.append(input, send);
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        if (input.value) say(input.value);
      });
      input.focus();
    } else {
      form.addEventListener("submit", (event) => event.preventDefault());
    }
  }

  answered(id) {
    this.asks.get(id)?.remove();
    this.asks.delete(id);
  }

  /** What is being written by the agent at `path`. */
  writing(path, kind) {
    const open = this.open.get(path) ?? {};
    if (!open[kind]) {
      open[kind] = kind === "text" ? this.text(path) : this.reasoning(path);
      this.open.set(path, open);
    }
    return open[kind];
  }

  close(path, message) {
    const open = this.open.get(path);
    this.open.delete(path);
    const text = message.content.filter((part) => part.type === "text").map((part) => part.text).join("");
    if (open?.text) open.text.finish(text);
    else if (text) this.text(path).finish(text);
  }

  event(event) {
    const path = event.agent;
    switch (event.type) {
      case "text_delta": this.writing(path, "text").push(event.text); break;
      case "reasoning_delta": this.writing(path, "reasoning").append(event.text); break;
      case "message_completed": this.close(path, event.message); break;
      case "tool_started": this.tool(path, event.call.call_id, event.call.name, event.call.arguments); break;
      case "tool_output": {
        const tool = this.tools.get(event.call_id);
        if (tool) { tool.output.hidden = false; tool.output.append(event.chunk); }
        break;
      }
      case "tool_finished": this.result(event.call_id, event.outcome); break;
      case "approval_requested": this.approval(event); break;
      case "question_asked": this.question(event); break;
      case "approval_resolved": this.answered(event.call_id); break;
      case "question_answered": this.answered(event.id); break;
      case "handed_off": this.add(make("p", "note", `${event.to} goes on.`)); break;
      case "notice": this.notice(event.notice); break;
      case "turn_finished": if (!path.includes("/")) this.finished(event.outcome); break;
    }
  }

  notice(notice) {
    const texts = {
      retry: () => `${notice.reason}; trying again`,
      fallback: () => `${notice.from} failed (${notice.reason}); going on with ${notice.to}`,
      rate_limited: () => `${notice.model} is rate limited; waiting`,
      compacted: () => "The conversation was made shorter.",
      tool_server_failed: () => `${notice.server}: ${notice.reason}`,
      warning: () => notice.message,
    };
    this.add(make("p", "note", texts[notice.kind]?.() ?? notice.kind));
  }

  finished(outcome) {
    for (const id of [...this.asks.keys()]) this.answered(id);
    if (outcome.status === "canceled") this.add(make("p", "note", "Stopped."));
    if (outcome.status === "failed") this.problem([outcome.message, outcome.hint].filter(Boolean).join(" — "));
  }
}
