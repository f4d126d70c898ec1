//! Whether a condition fits its facts: names exist, operators and functions suit their operands.

use std::{collections::BTreeMap, sync::Arc};

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr, SourceInfo},
};

use super::{ConditionError, function, parse::Parsed};
use crate::{schema::Schema, schema::Type, suggest};

/// Operators nest by their precedence; people need a tenth of this.
const DEEPEST: usize = 100;
/// `all`, `exists`, `filter` and `map` within each other. Bounds what asking can cost.
const MOST_LOOPS: usize = 2;

/// A condition that fits, with the roots it asks for.
pub(super) struct Checked {
    pub(super) expression: IdedExpr,
    pub(super) roots: Vec<(String, Arc<Type>)>,
}

pub(super) fn check(parsed: Parsed, schema: &Schema) -> Result<Checked, ConditionError> {
    let Parsed { mut expression, places } = parsed;
    let mut checker =
        Checker { schema, places: &places, scopes: Vec::new(), loops: 0, roots: BTreeMap::new() };
    let of = checker.type_of(&mut expression, 0)?;
    if !matches!(of, Type::Bool | Type::Dyn) {
        let message = format!("condition must be true or false, this is of type {of}");
        return Err(checker.error(&expression, message, None));
    }
    let roots = checker.roots.into_iter().collect();
    Ok(Checked { expression, roots })
}

pub(super) struct Checker<'a> {
    schema: &'a Schema,
    places: &'a SourceInfo,
    /// Names that loops bring in, innermost last.
    scopes: Vec<(String, Type)>,
    loops: usize,
    roots: BTreeMap<String, Arc<Type>>,
}

pub(super) type TypeResult = Result<Type, ConditionError>;

impl Checker<'_> {
    fn type_of(&mut self, node: &mut IdedExpr, depth: usize) -> TypeResult {
        if depth > DEEPEST {
            return Err(ConditionError {
                message: "condition is nested too deeply".to_owned(),
                help: Some("split it over several steps or rules".to_owned()),
                offset: 0,
                len: 1,
            });
        }
        let id = node.id;
        match &mut node.expr {
            Expr::Literal(literal) => Ok(type_of_literal(literal)),
            Expr::Ident(name) => {
                let name = name.clone();
                self.type_of_name(&name, node)
            }
            Expr::Select(select) => self.type_of_field(select, id, depth),
            Expr::List(list) => {
                let mut of = None;
                for item in &mut list.elements {
                    let item = self.type_of(item, depth + 1)?;
                    of = Some(of.map_or_else(|| item.clone(), |of: Type| of.join(&item)));
                }
                Ok(Type::list(of.unwrap_or(Type::Dyn)))
            }
            Expr::Call(call) => {
                let mut call = std::mem::take(call);
                let of = self.type_of_call(&mut call, node, depth);
                node.expr = Expr::Call(call);
                of
            }
            Expr::Comprehension(comprehension) => {
                let mut comprehension = std::mem::take(comprehension);
                let of = self.type_of_loop(&mut comprehension, node, depth);
                node.expr = Expr::Comprehension(comprehension);
                of
            }
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err(self.error(node, "values in braces mean nothing here", None))
            }
        }
    }

    fn type_of_name(&mut self, name: &str, node: &IdedExpr) -> TypeResult {
        if let Some((_, of)) = self.scopes.iter().rev().find(|(known, _)| known == name) {
            return Ok(of.clone());
        }
        if let Some(of) = self.schema.root(name) {
            self.roots.insert(name.to_owned(), Arc::clone(of));
            return Ok(Type::clone(of));
        }
        let known = self.schema.roots().map(|(name, _)| name);
        let help = suggest::help(name, known);
        Err(self.error(node, format!("nothing is called `{name}` here"), help))
    }

    fn type_of_field(&mut self, select: &mut SelectExpr, id: u64, depth: usize) -> TypeResult {
        let of = self.type_of(&mut select.operand, depth + 1)?;
        let found = field_of(&of, &select.field, || {
            // A selection's own place is its dot.
            let dot = self.places.offset_for(id).map_or(0, |(start, _)| start as usize);
            let source = self.places.source.as_str();
            let from = source
                .get(dot..)
                .map_or(0, |rest| dot + rest.find(select.field.as_str()).unwrap_or_default());
            (from, select.field.chars().count().max(1))
        })?;
        Ok(if select.test { Type::Bool } else { found })
    }

    fn type_of_loop(
        &mut self,
        comprehension: &mut ComprehensionExpr,
        node: &IdedExpr,
        depth: usize,
    ) -> TypeResult {
        let item = match self.type_of(&mut comprehension.iter_range, depth + 1)? {
            Type::List(of) => *of,
            Type::Map { .. } => Type::String,
            Type::Dyn => Type::Dyn,
            other => {
                let message = format!("a value of type {other} has no items to go through");
                return Err(self.error(&comprehension.iter_range, message, None));
            }
        };
        if self.loops == MOST_LOOPS {
            let message = format!("more than {MOST_LOOPS} loops within each other");
            return Err(self.error(node, message, None));
        }
        let start = self.type_of(&mut comprehension.accu_init, depth + 1)?;
        self.loops += 1;
        let outside = self.scopes.len();
        self.scopes.push((comprehension.accu_var.clone(), start));
        self.scopes.push((comprehension.iter_var.clone(), item));
        let goes_on = self.type_of(&mut comprehension.loop_cond, depth + 1)?;
        let step = self.type_of(&mut comprehension.loop_step, depth + 1)?;
        self.scopes.truncate(outside);
        self.loops -= 1;
        if !matches!(goes_on, Type::Bool | Type::Dyn) {
            return Err(self.error(node, "loop does not end", None));
        }
        self.scopes.push((comprehension.accu_var.clone(), step));
        let result = self.type_of(&mut comprehension.result, depth + 1);
        self.scopes.truncate(outside);
        result
    }

    fn type_of_call(&mut self, call: &mut CallExpr, node: &IdedExpr, depth: usize) -> TypeResult {
        if let Some(help) = function::how_to_write(&call.func_name) {
            // The parser turns these into loops and tests unless they are written wrongly.
            let message = format!("`{}` is not written like this", call.func_name);
            return Err(self.call_error(node, call, message, Some(help)));
        }
        let target = match &mut call.target {
            Some(target) => Some(self.type_of(target, depth + 1)?),
            None => None,
        };
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &mut call.args {
            args.push(self.type_of(arg, depth + 1)?);
        }
        function::type_of(self, call, node, target.as_ref(), &args)
    }

    /// The field of a record that an index with a literal names.
    pub(super) fn indexed_field(&self, of: &Type, index: &IdedExpr) -> Option<TypeResult> {
        let Expr::Literal(LiteralValue::String(name)) = &index.expr else { return None };
        Some(field_of(of, name.inner(), || self.extent(index)))
    }

    pub(super) fn error(
        &self,
        at: &IdedExpr,
        message: impl Into<String>,
        help: Option<String>,
    ) -> ConditionError {
        let (offset, len) = self.extent(at);
        ConditionError { message: message.into(), help, offset, len }
    }

    /// An error about a call: its place covers its operands too.
    pub(super) fn call_error(
        &self,
        node: &IdedExpr,
        call: &CallExpr,
        message: impl Into<String>,
        help: Option<String>,
    ) -> ConditionError {
        let mut span = self.token(node.id);
        for part in call.target.as_deref().into_iter().chain(&call.args) {
            self.widen(part, &mut span, 0);
        }
        let (offset, len) = self.in_characters(span);
        ConditionError { message: message.into(), help, offset, len }
    }

    /// Byte offset and length in characters of everything below a node.
    fn extent(&self, node: &IdedExpr) -> (usize, usize) {
        let mut span = self.token(node.id);
        self.widen(node, &mut span, 0);
        self.in_characters(span)
    }

    fn token(&self, id: u64) -> (usize, usize) {
        self.places
            .offset_for(id)
            .map_or((usize::MAX, 0), |(start, stop)| (start as usize, stop as usize + 1))
    }

    fn widen(&self, node: &IdedExpr, span: &mut (usize, usize), depth: usize) {
        let (start, end) = self.token(node.id);
        *span = (span.0.min(start), span.1.max(end));
        if depth > DEEPEST {
            return;
        }
        match &node.expr {
            Expr::Select(select) => {
                span.1 = span.1.max(start.saturating_add(1 + select.field.len()));
                self.widen(&select.operand, span, depth + 1);
            }
            Expr::Call(call) => {
                for part in call.target.as_deref().into_iter().chain(&call.args) {
                    self.widen(part, span, depth + 1);
                }
            }
            Expr::List(list) => {
                for item in &list.elements {
                    self.widen(item, span, depth + 1);
                }
            }
            Expr::Comprehension(comprehension) => {
                self.widen(&comprehension.iter_range, span, depth + 1);
                self.widen(&comprehension.loop_step, span, depth + 1);
            }
            _ => {}
        }
    }

    fn in_characters(&self, (start, end): (usize, usize)) -> (usize, usize) {
        let source = self.places.source.as_str();
        let end = end.min(source.len());
        let start = if start > end { 0 } else { start };
        let len = source.get(start..end).map_or(1, |text| text.trim_end().chars().count());
        (start, len.max(1))
    }
}

const fn type_of_literal(literal: &LiteralValue) -> Type {
    match literal {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Double(_) => Type::Double,
        LiteralValue::Int(_) | LiteralValue::UInt(_) => Type::Int,
        LiteralValue::Null => Type::Null,
        LiteralValue::String(_) | LiteralValue::Bytes(_) => Type::String,
    }
}

/// The type of a field of a value.
fn field_of(of: &Type, field: &str, place: impl Fn() -> (usize, usize)) -> TypeResult {
    let refuse = |message: String, help: Option<String>| {
        let (offset, len) = place();
        Err(ConditionError { message, help, offset, len })
    };
    match of {
        Type::Dyn => Ok(Type::Dyn),
        Type::Map { fields, open } => match fields.get(field) {
            Some(of) => Ok(of.clone()),
            None if *open => Ok(Type::Dyn),
            None => refuse(
                format!("there is no `{field}` here"),
                suggest::help(field, fields.keys().map(String::as_str)),
            ),
        },
        other => refuse(format!("a value of type {other} has no `{field}`"), None),
    }
}
