//! `/agent`, `/model`, `/effort`.

use super::{Effect, Failure, Name, Next, Pick, Talk};
use crate::{config::agent_file::Effort, tui::picker::Choice};

impl Talk {
    pub(super) async fn choose_agent(&self, name: &str) -> Result<Effect, Failure> {
        let agent = self.here(Name::Agent).await?;
        let names = agent.names();
        if name.is_empty() {
            if names.len() == 1 {
                return Err(Failure::new("the agent file has no other agent").hint("write one under `agents`"));
            }
            let choice = |name: &String| {
                let about = agent.named(name).map(|named| named.description().to_owned()).unwrap_or_default();
                Choice::new(name, name).about(about)
            };
            return Ok(Effect::next(Next::Pick(Pick {
                title: "agents".to_owned(),
                choices: names.iter().map(choice).collect(),
                current: Some(agent.name().to_owned()),
                command: "agent",
            })));
        }
        agent.talk_to(&self.key, name).await?;
        Ok(Effect::text(format!("you talk to `{name}` now\n")).then(Next::Speaker))
    }

    pub(super) async fn choose_model(&self, name: &str) -> Result<Effect, Failure> {
        let agent = self.here(Name::Model).await?;
        if name.is_empty() {
            let current = agent.model_reference();
            let mut choices: Vec<_> = agent
                .model_options()
                .into_iter()
                .map(|option| Choice::new(&option.reference, &option.reference).about(option.about))
                .collect();
            if choices.iter().all(|choice| choice.key != current) {
                choices.insert(0, Choice::new(&current, &current));
            }
            return Ok(Effect::next(Next::Pick(Pick {
                title: "models".to_owned(),
                choices,
                current: Some(current),
                command: "model",
            })));
        }
        agent.choose_model(name, None)?;
        Ok(Effect::text(format!("{} answers now\n", agent.model_name())).then(Next::Speaker))
    }

    pub(super) async fn choose_effort(&self, effort: &str) -> Result<Effect, Failure> {
        let agent = self.here(Name::Effort).await?;
        if effort.is_empty() {
            let words = ["none", "low", "medium", "high"];
            return Ok(Effect::next(Next::Pick(Pick {
                title: "effort".to_owned(),
                choices: words.iter().map(|word| Choice::new(*word, *word)).collect(),
                current: agent.effort().map(told),
                command: "effort",
            })));
        }
        let wanted: Effort = effort.parse().map_err(|error| Failure::of(&error, None::<String>))?;
        agent.choose_model(&agent.model_reference(), Some(wanted))?;
        Ok(Effect::text(format!("{} thinks with effort {} now\n", agent.model_name(), told(wanted)))
            .then(Next::Speaker))
    }
}

fn told(effort: Effort) -> String {
    match effort {
        Effort::None => "none".to_owned(),
        Effort::Low => "low".to_owned(),
        Effort::Medium => "medium".to_owned(),
        Effort::High => "high".to_owned(),
        Effort::Tokens(tokens) => tokens.to_string(),
    }
}
