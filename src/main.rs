use std::process::ExitCode;

use agentscope::config::Env;

fn main() -> ExitCode {
    agentscope::run(std::env::args_os(), Env::of_process())
}
