// Markdown from a model: untrusted, and still arriving. What is finished is rendered once; only the last block is
// rendered again as it grows.

import { marked } from "./marked.js";

const purify = window.DOMPurify;
const rules = {
  USE_PROFILES: { html: true },
  FORBID_TAGS: ["style", "form", "input", "button", "textarea", "select", "option", "dialog", "audio", "video", "source"],
  FORBID_ATTR: ["style", "id", "class", "name", "srcset", "background"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|data:image\/(?:png|jpeg|gif|webp);base64,)/i,
};

purify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A" && node.hasAttribute("href")) {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer");
  }
  // Nothing is fetched from elsewhere because a model says so.
  if (node.tagName === "IMG" && !node.getAttribute("src")?.startsWith("data:")) node.remove();
});

const render = (text) => purify.sanitize(marked.parse(text, { gfm: true, async: false }), { ...rules, RETURN_DOM_FRAGMENT: true });

/** Where the last finished block ends: after a blank line that is in no fenced code. */
function finished(text, from) {
  let end = from;
  let fence = null;
  let at = from;
  for (const line of text.slice(from).split("\n").slice(0, -1)) {
    at += line.length + 1;
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence) {
      if (mark && mark[0] === fence[0] && mark.length >= fence.length && line.trim() === mark) fence = null;
    } else if (mark) {
      fence = mark;
    } else if (line.trim() === "" && !/^\s/.test(text[at] ?? " ")) {
      end = at;
    }
  }
  return end;
}

/** Text that grows. */
export class Growing {
  constructor() {
    this.element = document.createElement("div");
    this.element.className = "answer";
    this.text = "";
    this.done = 0;
    this.frame = 0;
    this.tail = this.element.appendChild(document.createElement("div"));
  }

  push(text) {
    this.text += text;
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    const end = finished(this.text, this.done);
    if (end > this.done) {
      const block = document.createElement("div");
      block.append(render(this.text.slice(this.done, end)));
      this.tail.before(block);
      this.done = end;
    }
    this.tail.replaceChildren(render(this.text.slice(this.done)));
  }

  /** The text is whole: what refers to each other across blocks is put together. */
  finish(text = this.text) {
    cancelAnimationFrame(this.frame);
    this.frame = -1;
    this.text = text;
    const whole = document.createElement("div");
    whole.append(render(text));
    this.element.replaceChildren(whole);
  }
}
