//! Who a server may ask while a tool is tried: whoever sits at the keyboard, or nobody.

use async_trait::async_trait;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines, Stdin},
    sync::Mutex,
};

use crate::{
    cli::Cx,
    domain::{CallId, Notice, Question},
    tool::ToolHost,
    ui::{Printer, printable, style},
};

pub(super) struct Asker {
    printer: Printer,
    who: Who,
}

enum Who {
    /// Takes the default of each question.
    Defaults,
    Keyboard(Mutex<Lines<BufReader<Stdin>>>),
    Nobody,
}

impl Asker {
    pub(super) fn new(defaults: bool, cx: &Cx) -> Self {
        let who = match (defaults, cx.env.stdin_tty) {
            (true, _) => Who::Defaults,
            (false, true) => Who::Keyboard(Mutex::new(BufReader::new(tokio::io::stdin()).lines())),
            (false, false) => Who::Nobody,
        };
        Self { printer: cx.printer, who }
    }

    fn show(&self, question: &Question) {
        let heading = self.printer.err_style(style::WARNING);
        let numbered = question.choices.iter().enumerate();
        let choices: String =
            numbered.map(|(index, choice)| format!("  {}. {}\n", index + 1, printable(choice))).collect();
        self.printer.stderr(&format!("{heading}question{heading:#} {}\n{choices}", printable(&question.text)));
    }
}

#[async_trait]
impl ToolHost for Asker {
    async fn output(&self, _: &CallId, chunk: String) {
        if self.printer.interactive {
            self.printer.stderr(&printable(&chunk));
        }
    }

    async fn notice(&self, _: Notice) {}

    async fn ask(&self, question: Question) -> Option<String> {
        self.show(&question);
        match &self.who {
            Who::Defaults => {
                self.printer.stderr("answer: the default\n");
                Some(String::new())
            }
            Who::Nobody => {
                self.printer.stderr("answer: none, as nobody is there; --defaults takes the default\n");
                None
            }
            Who::Keyboard(lines) => {
                self.printer.stderr("answer: ");
                let line = lines.lock().await.next_line().await.ok().flatten()?;
                let chosen = line.trim().parse::<usize>().ok().and_then(|n| question.choices.get(n.wrapping_sub(1)));
                Some(chosen.cloned().unwrap_or(line))
            }
        }
    }
}
