//! Whatever is typed, nothing breaks.

use proptest::{prelude::*, sample::select};

use super::*;

#[derive(Clone, Debug)]
enum Act {
    Type(char),
    Key(Edit),
    Paste(String),
    Files,
    Paths(bool),
    Draw(u16, u16),
    Running(bool),
    Edited(String),
}

fn texts() -> impl Strategy<Value = String> {
    let bits = ["a", "Ω", "日", "👩‍👩‍👧", "🇩🇪", "e\u{301}", "\u{301}", "\u{200d}", "क्षि", "\u{1100}\u{1161}", "\n", "\r\n"];
    let more =
        ["\t", " ", "/", "@", "!", "\u{100000}", "\u{202e}", "\u{1b}[2J", "[Image #1]", "\u{fe0f}", "~/x", "\u{0}"];
    let bit = select([&bits[..], &more[..]].concat());
    proptest::collection::vec(bit, 0..24).prop_map(|bits| bits.concat())
}

fn acts() -> impl Strategy<Value = Act> {
    let edits: Vec<_> = KEYS.iter().map(|(edit, ..)| *edit).collect();
    let letters: Vec<_> = "ab /@!日\u{301}\u{200d}👩🇩🇪क्ष\u{fe0f}\u{1161}".chars().collect();
    prop_oneof![
        4 => select(letters).prop_map(Act::Type),
        6 => select(edits).prop_map(Act::Key),
        2 => texts().prop_map(Act::Paste),
        1 => texts().prop_map(|text| Act::Paste(format!("{text}\n").repeat(12))),
        1 => Just(Act::Paste("/tmp/a.png ~/b".to_owned())),
        1 => Just(Act::Files),
        1 => any::<bool>().prop_map(Act::Paths),
        2 => (0u16..40, 0u16..6).prop_map(|(width, height)| Act::Draw(width, height)),
        1 => any::<bool>().prop_map(Act::Running),
        1 => texts().prop_map(Act::Edited),
    ]
}

fn perform(composer: &mut Composer, act: Act) {
    match act {
        Act::Type(c) => composer.on_char(c),
        Act::Key(edit) => match composer.on_edit(edit) {
            Outcome::Submit(draft) | Outcome::Queue(draft) => {
                assert!(draft.text.chars().all(|c| chip::index(c).is_none()), "{:?}", draft.text);
                assert!(!draft.text.trim().is_empty());
            }
            Outcome::Ignored | Outcome::Changed | Outcome::Refused(_) | Outcome::Edit(_) => {}
        },
        Act::Paste(text) => composer.on_paste(&text),
        Act::Files => {
            for request in composer.take_requests() {
                if let Request::Files { id, query } = request {
                    let found = |kind| FileMatch { shown: format!("{query}/"), path: query.clone().into(), kind };
                    composer.on_files(id, vec![found(FileKind::Image), found(FileKind::Folder)]);
                }
            }
        }
        Act::Paths(real) => {
            for id in 0..composer.last_request + 1 {
                let found = Found { path: "/tmp/\u{1b}a".into(), image: real };
                composer.on_paths(id, if real { vec![found.clone(), found] } else { vec![] });
            }
        }
        Act::Draw(width, height) => {
            let (lines, caret) = composer.lines(width, height, &Theme::default());
            assert!(lines.len() <= usize::from(height).max(2), "{} lines of {height}", lines.len());
            assert!(caret.x < width.max(1) && caret.y < height.max(1));
            for line in lines.iter().chain(&composer.popup(width, &Theme::default())) {
                for span in &line.spans {
                    assert!(!span.content.chars().any(|c| c.is_control() || chip::index(c).is_some()), "{line:?}");
                }
            }
        }
        Act::Running(running) => composer.set_running(running),
        Act::Edited(text) => composer.set_edited(&text),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_caret_never_stands_inside_a_grapheme(acts in proptest::collection::vec(acts(), 0..60)) {
        let mut composer = Composer::new();
        composer.set_commands(vec![Offer { name: "a".to_owned(), aliases: &["q"], hint: "<B>".to_owned(), about: "日".repeat(30), while_running: false }]);
        composer.load_history(&["e\u{301}\n日".to_owned(), "a".to_owned()]);
        for act in acts {
            let told = format!("{act:?}");
            perform(&mut composer, act);
            prop_assert!(composer.buffer.caret_is_right(), "after {} in {:?}", told, composer.buffer);
        }
    }

    #[test]
    fn undo_leads_back_to_nothing_and_redo_to_the_end(acts in proptest::collection::vec(
        prop_oneof![texts().prop_map(Act::Paste), "[a-c 日]".prop_map(|c| Act::Type(c.chars().next().unwrap()))], 0..40)
    ) {
        let mut composer = Composer::new();
        for act in acts {
            perform(&mut composer, act);
        }
        let end = composer.text();
        for _ in 0..50 {
            composer.on_edit(Edit::Undo);
        }
        prop_assert_eq!(composer.text(), "");
        for _ in 0..50 {
            composer.on_edit(Edit::Redo);
        }
        prop_assert_eq!(composer.text(), end);
    }
}
