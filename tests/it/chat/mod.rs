//! `agentscope chat`, as people and scripts use it.

mod lines;
mod one_shot;

/// An agent that runs anywhere.
const AGENT: &str = "name: tester\nmodel: demo/demo\ntools: [todo, memory]\n";
