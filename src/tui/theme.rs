//! What a piece of text is, and how that looks: on a dark or a light ground, in as many colours as the terminal has.
//!
//! Everything else of the interface names a [`Role`]; no colour stands anywhere but here.

use ratatui::style::{Color, Modifier, Style};

/// How many colours a terminal shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Bold, dim and underlined text tell things apart.
    None,
    /// The terminal's own sixteen, which its user chose.
    #[default]
    Sixteen,
    Many,
    True,
}

/// What the text stands on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ground {
    #[default]
    Dark,
    Light,
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Text,
    /// What is there for reference: reasoning, times, ids, borders.
    Dim,
    /// What the eye is to find: the prompt, the chosen, a key.
    Accent,
    Success,
    Warning,
    Error,
    /// A line that an edit adds.
    Added,
    /// A line that an edit takes away.
    Removed,
    /// The part of an added line that is new.
    AddedPart,
    /// The part of a removed line that goes.
    RemovedPart,
    /// Code inside a sentence.
    Code,
    Keyword,
    String,
    Comment,
    Number,
    Function,
    Type,
    Heading,
    Link,
    User,
    /// The row of a list that Enter takes.
    Selected,
    /// An agent of a team, counted from 0 in the order in which they speak.
    Agent(usize),
}

/// The styles of every [`Role`] on one terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    depth: Depth,
    ground: Ground,
}

impl Theme {
    #[must_use]
    pub fn new(depth: Depth, ground: Ground) -> Self {
        Self { depth, ground }
    }

    #[must_use]
    pub fn depth(&self) -> Depth {
        self.depth
    }

    #[must_use]
    pub fn ground(&self) -> Ground {
        self.ground
    }

    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        let style = Style::new().add_modifier(modifiers(role, self.depth));
        match self.color(role) {
            Some(color) => style.fg(color),
            None => style,
        }
    }

    fn color(&self, role: Role) -> Option<Color> {
        let (sixteen, dark, light) = colors(role)?;
        let wanted = if self.ground == Ground::Dark { dark } else { light };
        match self.depth {
            Depth::None => None,
            Depth::Sixteen => sixteen,
            Depth::Many => Some(Color::Indexed(nearest(wanted))),
            Depth::True => Some(Color::Rgb(wanted.0, wanted.1, wanted.2)),
        }
    }
}

type Rgb = (u8, u8, u8);

/// Of the sixteen, on a dark ground, on a light one. Nothing where the terminal's own foreground is right.
fn colors(role: Role) -> Option<(Option<Color>, Rgb, Rgb)> {
    let (sixteen, dark, light) = match role {
        Role::Text | Role::Selected => return None,
        // The grey of the sixteen cannot be read on some grounds: there a modifier makes it dim.
        Role::Dim | Role::Comment => return Some((None, (0x9a, 0xa0, 0xa6), (0x5f, 0x63, 0x68))),
        Role::Accent | Role::Link => (Color::Cyan, (0x56, 0xc2, 0xd6), (0x0b, 0x6b, 0x80)),
        Role::Success | Role::Added | Role::AddedPart | Role::String => {
            (Color::Green, (0x7e, 0xc6, 0x7e), (0x1b, 0x6e, 0x2a))
        }
        Role::Warning | Role::Number | Role::Code => (Color::Yellow, (0xe0, 0xb0, 0x5c), (0x85, 0x55, 0x00)),
        Role::Error | Role::Removed | Role::RemovedPart => (Color::Red, (0xf2, 0x8b, 0x82), (0xb3, 0x1d, 0x28)),
        Role::Keyword | Role::Heading => (Color::Magenta, (0xc7, 0x92, 0xea), (0x7b, 0x2f, 0xa8)),
        Role::Function | Role::User => (Color::Blue, (0x82, 0xaa, 0xff), (0x1a, 0x56, 0xb8)),
        Role::Type => (Color::Cyan, (0x80, 0xcb, 0xc4), (0x00, 0x6a, 0x62)),
        Role::Agent(n) => return Some(AGENTS[n % AGENTS.len()]),
    };
    Some((Some(sixteen), dark, light))
}

const AGENTS: [(Option<Color>, Rgb, Rgb); 6] = [
    (Some(Color::Cyan), (0x56, 0xc2, 0xd6), (0x0b, 0x6b, 0x80)),
    (Some(Color::Magenta), (0xc7, 0x92, 0xea), (0x7b, 0x2f, 0xa8)),
    (Some(Color::Green), (0x7e, 0xc6, 0x7e), (0x1b, 0x6e, 0x2a)),
    (Some(Color::Blue), (0x82, 0xaa, 0xff), (0x1a, 0x56, 0xb8)),
    (Some(Color::Yellow), (0xe0, 0xb0, 0x5c), (0x85, 0x55, 0x00)),
    (Some(Color::Red), (0xf2, 0x8b, 0x82), (0xb3, 0x1d, 0x28)),
];

fn modifiers(role: Role, depth: Depth) -> Modifier {
    match role {
        Role::Heading | Role::User => Modifier::BOLD,
        Role::Error | Role::Warning => Modifier::BOLD,
        Role::Link => Modifier::UNDERLINED,
        Role::Selected | Role::AddedPart | Role::RemovedPart => Modifier::REVERSED,
        Role::Dim | Role::Comment if matches!(depth, Depth::None | Depth::Sixteen) => Modifier::DIM,
        Role::Accent | Role::Keyword | Role::Code if depth == Depth::None => Modifier::BOLD,
        Role::Removed if depth == Depth::None => Modifier::DIM,
        Role::Text
        | Role::Dim
        | Role::Accent
        | Role::Success
        | Role::Added
        | Role::Removed
        | Role::Code
        | Role::Keyword
        | Role::String
        | Role::Comment
        | Role::Number
        | Role::Function
        | Role::Type
        | Role::Agent(_) => Modifier::empty(),
    }
}

/// The nearest of the 256: of the 6×6×6 cube, or of the 24 greys (xterm's numbers).
fn nearest(wanted: Rgb) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let step = |value: u8| (0u8..6).min_by_key(|i| STEPS[usize::from(*i)].abs_diff(value)).unwrap_or(0);
    let (r, g, b) = (step(wanted.0), step(wanted.1), step(wanted.2));
    let cube = (STEPS[usize::from(r)], STEPS[usize::from(g)], STEPS[usize::from(b)]);
    let mean = (u16::from(wanted.0) + u16::from(wanted.1) + u16::from(wanted.2)) / 3;
    let grey = u8::try_from((mean.saturating_sub(3) / 10).min(23)).unwrap_or(23);
    let level = 8 + 10 * grey;
    if distance(wanted, (level, level, level)) < distance(wanted, cube) { 232 + grey } else { 16 + 36 * r + 6 * g + b }
}

fn distance(a: Rgb, b: Rgb) -> u32 {
    let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    square(a.0, b.0) + square(a.1, b.1) + square(a.2, b.2)
}

impl Depth {
    /// What the variables `TERM` and `COLORTERM` promise. `color` is false where the user wants none (`NO_COLOR`,
    /// `--color never`).
    #[must_use]
    pub fn of(term: Option<&str>, colorterm: Option<&str>, color: bool) -> Self {
        let term = term.unwrap_or_default();
        if !color || term.is_empty() || term == "dumb" || term.starts_with("vt1") || term.starts_with("vt2") {
            return Self::None;
        }
        if matches!(colorterm, Some("truecolor" | "24bit")) || term.ends_with("-direct") {
            return Self::True;
        }
        if term.contains("256color") { Self::Many } else { Self::Sixteen }
    }
}

impl Depth {
    /// Colours that can be read on a dark ground and on a light one: those of the terminal's own choice.
    #[must_use]
    pub fn on_any_ground(self) -> Self {
        if self == Self::None { Self::None } else { Self::Sixteen }
    }
}

impl Ground {
    /// Of the colour that a terminal says its background has (its answer to `OSC 11 ; ?`).
    #[must_use]
    pub fn of(background: (u8, u8, u8)) -> Self {
        if luminance(background) > 0.4 { Self::Light } else { Self::Dark }
    }

    /// Of the variable `COLORFGBG`, such as `15;0` or `0;default;15`, which some terminals set.
    #[must_use]
    pub fn of_variable(value: &str) -> Option<Self> {
        match value.rsplit(';').next()?.parse::<u8>().ok()? {
            7 | 9..=15 => Some(Self::Light),
            0..=6 | 8 => Some(Self::Dark),
            _ => None,
        }
    }
}

/// Relative luminance, from 0 to 1 (WCAG 2.2).
fn luminance((r, g, b): Rgb) -> f64 {
    let linear = |value: u8| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 22] = [
        Role::Text,
        Role::Dim,
        Role::Accent,
        Role::Success,
        Role::Warning,
        Role::Error,
        Role::Added,
        Role::Removed,
        Role::AddedPart,
        Role::RemovedPart,
        Role::Code,
        Role::Keyword,
        Role::String,
        Role::Comment,
        Role::Number,
        Role::Function,
        Role::Type,
        Role::Heading,
        Role::Link,
        Role::User,
        Role::Selected,
        Role::Agent(4),
    ];

    /// WCAG 2.2, success criterion 1.4.3.
    #[test]
    fn every_colour_can_be_read() {
        for role in ROLES {
            let Some((_, dark, light)) = colors(role) else { continue };
            let on_dark = (luminance(dark) + 0.05) / (luminance((0x1e, 0x1e, 0x1e)) + 0.05);
            let on_light = (luminance((0xfa, 0xfa, 0xfa)) + 0.05) / (luminance(light) + 0.05);
            assert!(on_dark >= 4.5 && on_light >= 4.5, "{role:?}: {on_dark:.1} and {on_light:.1}");
        }
    }

    #[test]
    fn no_more_colours_than_the_terminal_has() {
        for ground in [Ground::Dark, Ground::Light] {
            for role in ROLES {
                let fg = |depth| Theme::new(depth, ground).style(role).fg;
                assert_eq!(fg(Depth::None), None);
                assert!(!matches!(fg(Depth::Sixteen), Some(Color::Rgb(..) | Color::Indexed(_))), "{role:?}");
                assert!(matches!(fg(Depth::Many), None | Some(Color::Indexed(16..))), "{role:?}");
                assert!(matches!(fg(Depth::True), None | Some(Color::Rgb(..))), "{role:?}");
            }
        }
        assert_eq!((nearest((0, 0, 0)), nearest((255, 255, 255)), nearest((0x80, 0x80, 0x80))), (16, 231, 244));
    }

    #[test]
    fn what_the_environment_says() {
        let depth = |term, colorterm| Depth::of(Some(term), colorterm, true);
        assert_eq!(depth("xterm-256color", Some("truecolor")), Depth::True);
        assert_eq!(depth("xterm-256color", None), Depth::Many);
        assert_eq!(depth("linux", None), Depth::Sixteen);
        assert_eq!(depth("dumb", Some("truecolor")), Depth::None);
        assert_eq!(Depth::of(Some("xterm"), None, false), Depth::None);
        assert_eq!(Depth::of(None, None, true), Depth::None);
        assert_eq!(Ground::of((0xff, 0xff, 0xea)), Ground::Light);
        assert_eq!(Ground::of((0x28, 0x2c, 0x34)), Ground::Dark);
        assert_eq!(Ground::of_variable("0;default;15"), Some(Ground::Light));
        assert_eq!(Ground::of_variable("15;0"), Some(Ground::Dark));
        assert_eq!(Ground::of_variable("default"), None);
    }
}
