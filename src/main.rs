//! The program: parse the command line, call the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    diglot::cli::run()
}
