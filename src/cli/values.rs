//! How values of the layers below are spelled on the command line; those layers do not know clap.

use clap::{ValueEnum, builder::PossibleValue};

use crate::{
    agent::ApproveMode,
    ui::{ColorChoice, events::EventFormat},
};

/// A value, its spelling and its help.
type Row<T> = (T, &'static str, &'static str);

macro_rules! spelled {
    ($type:ty: $($value:ident = $name:literal, $help:literal;)+) => {
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$value),+]
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                const ROWS: &[Row<$type>] = &[$((<$type>::$value, $name, $help)),+];
                let (_, name, help) = ROWS.iter().find(|(value, ..)| value == self)?;
                Some(PossibleValue::new(*name).help(*help))
            }
        }
    };
}

spelled! { ColorChoice:
    Auto = "auto", "On a terminal, unless NO_COLOR is set or TERM is dumb";
    Always = "always", "Also into a file or a pipe";
    Never = "never", "Not even on a terminal";
}

spelled! { EventFormat:
    Text = "text", "The answer as it comes; tools and warnings on standard error";
    Json = "json", "One JSON document at the end";
    StreamJson = "stream-json", "One JSON event a line, as it happens";
}

spelled! { ApproveMode:
    Ask = "ask", "Ask, where somebody can be asked";
    Auto = "auto", "Allow it; what a rule denies stays denied";
    Deny = "deny", "Refuse it; the exit code is then 3";
    Plan = "plan", "Refuse everything that writes";
}
