//! Styled lines as the bytes that a terminal takes: ECMA-48's select graphic rendition, and nothing else.

use ratatui::{
    style::{Color, Modifier, Style},
    text::Line,
};

/// Appends `line` to `out`, and leaves the terminal without any style.
///
/// The last guard: whatever a span holds, no control character goes out.
pub(super) fn write(out: &mut String, line: &Line<'_>) {
    let mut current = Style::new();
    for span in &line.spans {
        let style = line.style.patch(span.style);
        if style != current {
            begin(out, style);
            current = style;
        }
        out.extend(span.content.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }));
    }
    if current != Style::new() {
        out.push_str("\x1b[0m");
    }
}

fn begin(out: &mut String, style: Style) {
    let mut codes = String::from("\x1b[0");
    let set = style.add_modifier - style.sub_modifier;
    for (modifier, code) in MODIFIERS {
        if set.contains(*modifier) {
            codes.push_str(code);
        }
    }
    color(&mut codes, style.fg, 30);
    color(&mut codes, style.bg, 40);
    codes.push('m');
    out.push_str(&codes);
}

const MODIFIERS: &[(Modifier, &str)] = &[
    (Modifier::BOLD, ";1"),
    (Modifier::DIM, ";2"),
    (Modifier::ITALIC, ";3"),
    (Modifier::UNDERLINED, ";4"),
    (Modifier::SLOW_BLINK, ";5"),
    (Modifier::RAPID_BLINK, ";6"),
    (Modifier::REVERSED, ";7"),
    (Modifier::HIDDEN, ";8"),
    (Modifier::CROSSED_OUT, ";9"),
];

/// `base` is 30 for the text and 40 for what is behind it.
fn color(codes: &mut String, color: Option<Color>, base: u8) {
    let Some(color) = color else { return };
    let bright = base + 60;
    let code = match color {
        Color::Reset => format!(";{}", base + 9),
        Color::Black => format!(";{base}"),
        Color::Red => format!(";{}", base + 1),
        Color::Green => format!(";{}", base + 2),
        Color::Yellow => format!(";{}", base + 3),
        Color::Blue => format!(";{}", base + 4),
        Color::Magenta => format!(";{}", base + 5),
        Color::Cyan => format!(";{}", base + 6),
        Color::Gray => format!(";{}", base + 7),
        Color::DarkGray => format!(";{bright}"),
        Color::LightRed => format!(";{}", bright + 1),
        Color::LightGreen => format!(";{}", bright + 2),
        Color::LightYellow => format!(";{}", bright + 3),
        Color::LightBlue => format!(";{}", bright + 4),
        Color::LightMagenta => format!(";{}", bright + 5),
        Color::LightCyan => format!(";{}", bright + 6),
        Color::White => format!(";{}", bright + 7),
        Color::Indexed(index) => format!(";{};5;{index}", base + 8),
        Color::Rgb(r, g, b) => format!(";{};2;{r};{g};{b}", base + 8),
    };
    codes.push_str(&code);
}
