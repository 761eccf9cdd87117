//! The model of an agent, which the user of a chat may change between turns.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{LocalAgent, OpenError, team::Team};
use crate::{
    config::{
        agent_file::{Effort, ModelSpec},
        catalog::{self, KeyUse},
    },
    model::{self, Model},
};

/// A model that is open, and what it was opened by.
#[derive(Clone)]
pub(super) struct Choice {
    /// A name under `models`, or `PROVIDER/MODEL`.
    pub(super) reference: String,
    /// In place of what the file says.
    pub(super) effort: Option<Effort>,
    pub(super) model: Arc<dyn Model>,
}

/// The choice that holds.
pub(super) struct Chosen(Mutex<Choice>);

impl Chosen {
    pub(super) fn new(choice: Choice) -> Self {
        Self(Mutex::new(choice))
    }

    /// The model that is asked next.
    pub(super) fn get(&self) -> Arc<dyn Model> {
        Arc::clone(&self.locked().model)
    }

    fn locked(&self) -> MutexGuard<'_, Choice> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A model that could be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOption {
    /// As [`LocalAgent::choose_model`] takes it.
    pub reference: String,
    /// What it is; may be empty.
    pub about: String,
}

impl LocalAgent {
    /// What the model was asked for as: a name under `models`, or `PROVIDER/MODEL`.
    #[must_use]
    pub fn model_reference(&self) -> String {
        self.root().model.locked().reference.clone()
    }

    /// How hard the model thinks; `None` where the provider decides.
    #[must_use]
    pub fn effort(&self) -> Option<Effort> {
        let choice = self.root().model.locked().clone();
        choice.effort.or_else(|| self.team().model_spec(&choice.reference).ok()?.effort)
    }

    /// Has another model answer from the next request on, or the same think harder. Calls nobody. Holds for this process.
    ///
    /// # Errors
    /// A model that there is not, or that lacks something, such as a key. The old one stays.
    pub fn choose_model(&self, reference: &str, effort: Option<Effort>) -> Result<(), OpenError> {
        let choice = self.team().choice(&self.root().name, reference, effort)?;
        *self.root().model.locked() = choice;
        Ok(())
    }

    /// The models of the agent file, then those of the providers whose keys are there.
    #[must_use]
    pub fn model_options(&self) -> Vec<ModelOption> {
        let own = self.team().loaded().file.models.iter().map(|(name, spec)| ModelOption {
            reference: name.clone(),
            about: match &spec.model {
                Some(model) => format!("{}/{model}", spec.provider),
                None => spec.provider.clone(),
            },
        });
        let ready = catalog::PROVIDERS.iter().filter(|provider| {
            provider.key != KeyUse::Needed
                || provider.key_variables.iter().any(|name| self.team().keys().find(name).is_some())
        });
        let known = ready.flat_map(|provider| {
            let default = provider.default_model.filter(|_| provider.models.is_empty());
            let names = provider.models.iter().map(|model| model.name).chain(default);
            names.map(|name| ModelOption {
                reference: format!("{}/{name}", provider.name),
                about: provider.title.to_owned(),
            })
        });
        own.chain(known).collect()
    }
}

impl Team {
    pub(super) fn model_spec(&self, reference: &str) -> Result<ModelSpec, model::OpenError> {
        model::spec(reference, &self.loaded().file.models)
    }

    /// Opens a model for the agent `name`.
    pub(super) fn choice(&self, name: &str, reference: &str, effort: Option<Effort>) -> Result<Choice, OpenError> {
        super::needs::require(self.loaded(), &[(name, Some(reference))], &[])?;
        let mut models = self.loaded().file.models.clone();
        if effort.is_some() {
            let spec = self.model_spec(reference)?;
            models.insert(reference.to_owned(), ModelSpec { effort, ..spec });
        }
        let model = self.open_model(reference, &models)?;
        Ok(Choice { reference: reference.to_owned(), effort, model })
    }
}
