//! Quantities with units: `5m`, `512Mi`, `32k`, `60/m`.
//!
//! Each is written as a number or a string; the JSON Schema carries the pattern, so that an editor sees the same rule
//! as the parser.

use std::{borrow::Cow, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};

/// A length of time: `250ms`, `60s`, `5m`, `24h`, `7d`; a bare number is seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// An amount of memory or disk in bytes: `512Mi`, `1Gi`, `10MiB`, `1G`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// A number of tokens: `8000`, `32k`, `1M`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tokens(pub u64);

/// Processors, in thousandths: `1`, `0.5`, `500m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpu(pub u64);

/// So many in a length of time: `10/s`, `60/m`, `1000/h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub count: u32,
    pub per: Duration,
}

/// How hard a model thinks before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    None,
    Low,
    Medium,
    High,
    /// A budget in tokens.
    Tokens(u64),
}

/// Why a quantity could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnitError(pub String);

fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    number.is_finite().then(|| (number, text[end..].trim()))
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong =
            || UnitError(format!("`{text}` is not a length of time: write it as `250ms`, `60s`, `5m`, `24h` or `7d`"));
        let (number, unit) = split(text).ok_or_else(wrong)?;
        let seconds = match unit {
            "ms" => number / 1000.0,
            "" | "s" => number,
            "m" => number * 60.0,
            "h" => number * 3600.0,
            "d" => number * 86_400.0,
            _ => return Err(wrong()),
        };
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| wrong())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`split` gives no sign, and the size is checked"
)]
fn whole(number: f64, factor: f64) -> Option<u64> {
    let value = (number * factor).round();
    (value < 9.0e18).then_some(value as u64)
}

impl FromStr for Bytes {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError(format!("`{text}` is not a size: write it as `512Mi`, `1Gi` or a number of bytes"));
        let (number, unit) = split(text).ok_or_else(wrong)?;
        let factor = match unit {
            "" | "B" => 1.0,
            "k" | "K" | "kB" | "KB" => 1e3,
            "M" | "MB" => 1e6,
            "G" | "GB" => 1e9,
            "T" | "TB" => 1e12,
            "Ki" | "KiB" => 1024.0,
            "Mi" | "MiB" => 1024.0 * 1024.0,
            "Gi" | "GiB" => 1024.0 * 1024.0 * 1024.0,
            "Ti" | "TiB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
            _ => return Err(wrong()),
        };
        whole(number, factor).map(Self).ok_or_else(wrong)
    }
}

impl FromStr for Tokens {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError(format!("`{text}` is not a number of tokens: write it as `8000`, `32k` or `1M`"));
        let (number, unit) = split(text).ok_or_else(wrong)?;
        let factor = match unit {
            "" => 1.0,
            "k" | "K" => 1e3,
            "m" | "M" => 1e6,
            _ => return Err(wrong()),
        };
        whole(number, factor).map(Self).ok_or_else(wrong)
    }
}

impl FromStr for Cpu {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError(format!("`{text}` is not an amount of processors: write it as `1`, `0.5` or `500m`"));
        let (number, unit) = split(text).ok_or_else(wrong)?;
        let factor = match unit {
            "" => 1000.0,
            "m" => 1.0,
            _ => return Err(wrong()),
        };
        whole(number, factor).filter(|millis| *millis > 0).map(Self).ok_or_else(wrong)
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError(format!("`{text}` is not a rate: write it as `10/s`, `60/m` or `1000/h`"));
        let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
        let per = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(wrong()),
        };
        let count = count.trim().parse().ok().filter(|count| *count > 0).ok_or_else(wrong)?;
        Ok(Self { count, per: Duration::from_secs(per) })
    }
}

impl FromStr for Effort {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        Ok(match text {
            "none" => Self::None,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            _ => {
                let Tokens(tokens) = text.parse().map_err(|_| {
                    UnitError(format!(
                        "`{text}` is not an effort: write `none`, `low`, `medium`, `high` or a number of tokens"
                    ))
                })?;
                Self::Tokens(tokens)
            }
        })
    }
}

macro_rules! number_or_text {
    ($($name:ident, $words:literal, $least:literal, $pattern:literal;)+) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(Deserialize)]
                #[serde(untagged)]
                enum Raw {
                    Number(serde_json::Number),
                    Text(String),
                }
                let text = match Raw::deserialize(deserializer)? {
                    // Never in scientific notation, which `serde_json` may write.
                    Raw::Number(number) => match (number.as_u64(), number.as_f64()) {
                        (Some(whole), _) => whole.to_string(),
                        (None, Some(float)) => float.to_string(),
                        (None, None) => number.to_string(),
                    },
                    Raw::Text(text) => text,
                };
                text.parse().map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "x-words": $words,
                    "anyOf": [{ "type": "number", "minimum": $least, "maximum": 1e15 }, { "type": "string", "pattern": $pattern }],
                })
            }
        }
    )+};
}

number_or_text! {
    Span, "a length of time such as `60s` or `5m`", 0, r"^\s*[0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d)?\s*$";
    Bytes, "a size such as `512Mi` or `1Gi`", 0, r"^\s*[0-9]+(\.[0-9]+)?\s*(B|[kK]B?|[MGT]B?|[KMGT]iB?)?\s*$";
    Tokens, "a number of tokens such as `8000` or `32k`", 0, r"^\s*[0-9]+(\.[0-9]+)?\s*[kKmM]?\s*$";
    Cpu, "an amount of processors such as `1`, `0.5` or `500m`", 0.001, r"^\s*[0-9]+(\.[0-9]+)?\s*m?\s*$";
    Effort, "`none`, `low`, `medium`, `high` or a number of tokens", 0, r"^(none|low|medium|high|[0-9]+(\.[0-9]+)?[kKmM]?)$";
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-words": "a rate such as `60/m`",
            "type": "string",
            "pattern": r"^\s*[1-9][0-9]{0,8}\s*/\s*[smh]\s*$",
        })
    }
}
