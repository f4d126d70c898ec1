//! Reads playbook files into a typed plan; lints with file, line and caret. Pure.
