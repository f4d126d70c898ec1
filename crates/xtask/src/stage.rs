//! The stages of a check, one after the other, each with its heading and time.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::say;

/// Stages done so far, for the closing summary.
pub(crate) struct Stages {
    planned: usize,
    done: Vec<(&'static str, Duration)>,
    begun: Instant,
}

impl Stages {
    /// A check of so many stages.
    pub(crate) fn new(planned: usize) -> Self {
        Self { planned, done: Vec::with_capacity(planned), begun: Instant::now() }
    }

    /// Runs a command as a stage; `advice` says what to do when it fails.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        mut command: Command,
        advice: &str,
    ) -> Result<()> {
        let mut line = command.get_program().to_string_lossy().into_owned();
        if let Some(tool) = line.rsplit('/').next() {
            line = tool.to_owned();
        }
        for argument in command.get_args() {
            line.push(' ');
            line.push_str(&argument.to_string_lossy());
        }
        self.head(name, &line);
        self.time(name, || {
            let status = command.status().with_context(|| format!("`{line}` cannot be run"))?;
            if !status.success() {
                bail!("`{line}` ended with {status}; {advice}");
            }
            Ok(())
        })
    }

    /// Does something of our own as a stage.
    pub(crate) fn perform<T>(
        &mut self,
        name: &'static str,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.head(name, "");
        self.time(name, act)
    }

    /// Prints what took how long, and a last word.
    pub(crate) fn close(&self, word: &str) {
        self.summary();
        say(&format!("\n{word}"));
    }

    fn head(&self, name: &str, detail: &str) {
        say(&format!("\n== {}/{} {name}  {detail}", self.done.len() + 1, self.planned));
    }

    fn time<T>(&mut self, name: &'static str, act: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        match act() {
            Ok(value) => {
                let took = begun.elapsed();
                say(&format!("-- {name}: passed in {:.1} s", took.as_secs_f64()));
                self.done.push((name, took));
                Ok(value)
            }
            Err(error) => {
                self.summary();
                let left = self.planned - self.done.len() - 1;
                Err(error.context(format!(
                    "stage `{name}` failed after {:.1} s; {left} of {} stages were not run",
                    begun.elapsed().as_secs_f64(),
                    self.planned,
                )))
            }
        }
    }

    fn summary(&self) {
        say("\nStages that passed:");
        for (name, took) in &self.done {
            say(&format!("  {name:<16} {:>8.1} s", took.as_secs_f64()));
        }
        say(&format!("  {:<16} {:>8.1} s", "time in all", self.begun.elapsed().as_secs_f64()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_says_which_one_what_to_do_and_what_was_left_out() {
        let mut stages = Stages::new(3);
        stages.run("first", Command::new("true"), "never said").unwrap();
        let mut failing = Command::new("false");
        failing.arg("--loudly");
        let error = stages.run("second", failing, "look above").unwrap_err();
        let said = format!("{error:#}");
        assert!(said.contains("stage `second` failed"), "{said}");
        assert!(said.contains("1 of 3 stages were not run"), "{said}");
        assert!(
            said.contains("`false --loudly` ended with") && said.contains("look above"),
            "{said}"
        );
    }

    #[test]
    fn a_command_that_does_not_exist_is_a_failure_too() {
        let error = Stages::new(1).run("only", Command::new("/nowhere/tool"), "").unwrap_err();
        assert!(format!("{error:#}").contains("`tool` cannot be run"), "{error:#}");
    }
}
