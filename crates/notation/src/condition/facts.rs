//! Facts as conditions see them: each root is converted once, however many conditions ask for it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::Arc,
};

use cel::Context;

use super::value;
use crate::schema::Type;

/// Facts to ask many conditions of.
///
/// Converting a root costs more than evaluating most conditions, and two hundred rules of a policy
/// ask for the same few.
pub struct Facts<'a> {
    json: &'a serde_json::Value,
    context: RefCell<Context<'static, 'static>>,
    converted: RefCell<BTreeMap<String, Arc<Type>>>,
    conversions: Cell<usize>,
}

impl<'a> Facts<'a> {
    /// Facts under the names of their roots.
    pub fn new(json: &'a serde_json::Value) -> Self {
        Self {
            json,
            context: RefCell::new(value::context()),
            converted: RefCell::default(),
            conversions: Cell::new(0),
        }
    }

    /// How many roots were converted so far.
    pub fn conversions(&self) -> usize {
        self.conversions.get()
    }

    /// Sees to it that a root is there as a value of a type, or says why it cannot be.
    pub(super) fn provide(&self, name: &str, of: &Arc<Type>) -> Result<(), String> {
        let mut converted = self.converted.borrow_mut();
        if converted.get(name).is_some_and(|known| Arc::ptr_eq(known, of) || known == of) {
            return Ok(());
        }
        let fact = self.json.get(name).ok_or_else(|| format!("no fact `{name}`"))?;
        let fact =
            value::of_json(fact, of).ok_or_else(|| format!("fact `{name}` is not of its type"))?;
        self.context.borrow_mut().add_variable_from_value(name, fact);
        self.conversions.set(self.conversions.get() + 1);
        converted.insert(name.to_owned(), Arc::clone(of));
        Ok(())
    }

    /// Asks with everything that was provided.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&Context<'_, '_>) -> T) -> T {
        question(&self.context.borrow())
    }
}
