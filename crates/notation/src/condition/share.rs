//! The part of a condition that looks at a few facts only, so that it can be asked before the rest
//! is known.

use std::sync::Arc;

use cel::{
    IdedExpr,
    common::ast::{Expr, operators},
};

use super::Condition;

impl Condition {
    /// The operands of its outermost `&&` that look at nothing but these facts, each a field of a
    /// root or (with an empty field) a root as a whole.
    ///
    /// Where one of them does not hold, neither does the condition, whatever the other facts are:
    /// in CEL `false && error` is false, in either order.
    pub fn shares(&self, of: &[(&str, &str)]) -> Vec<Self> {
        let mut operands = Vec::new();
        split(&self.expression, &mut operands);
        operands
            .into_iter()
            .filter(|operand| looks_only_at(operand, of))
            .map(|operand| {
                let mut roots = Vec::new();
                names(operand, &mut roots);
                Self {
                    source: Arc::clone(&self.source),
                    expression: Arc::new(operand.clone()),
                    roots: self
                        .roots
                        .iter()
                        .filter(|(name, _)| roots.contains(&name.as_str()))
                        .cloned()
                        .collect(),
                }
            })
            .collect()
    }
}

fn split<'a>(node: &'a IdedExpr, into: &mut Vec<&'a IdedExpr>) {
    match &node.expr {
        Expr::Call(call) if call.func_name == operators::LOGICAL_AND => {
            for operand in &call.args {
                split(operand, into);
            }
        }
        _ => into.push(node),
    }
}

/// Loops bring in names of their own and are left to the whole condition.
fn looks_only_at(node: &IdedExpr, of: &[(&str, &str)]) -> bool {
    match &node.expr {
        Expr::Literal(_) => true,
        Expr::Ident(name) => of.contains(&(name.as_str(), "")),
        Expr::Select(select) => match &select.operand.expr {
            Expr::Ident(root) => of.contains(&(root.as_str(), select.field.as_str())),
            _ => false,
        },
        Expr::List(list) => list.elements.iter().all(|item| looks_only_at(item, of)),
        Expr::Call(call) => {
            call.target.as_deref().into_iter().chain(&call.args).all(|part| looks_only_at(part, of))
        }
        _ => false,
    }
}

fn names<'a>(node: &'a IdedExpr, into: &mut Vec<&'a str>) {
    match &node.expr {
        Expr::Ident(name) => into.push(name),
        Expr::Select(select) => names(&select.operand, into),
        Expr::List(list) => list.elements.iter().for_each(|item| names(item, into)),
        Expr::Call(call) => {
            call.target.as_deref().into_iter().chain(&call.args).for_each(|part| names(part, into));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::{Schema, Type};

    fn condition(text: &str) -> Condition {
        let schema = Schema::new()
            .with("intent", Type::record([("action", Type::String), ("step", Type::String)]))
            .with("account", Type::record([("arr", Type::Double)]))
            .with("occasion", Type::String);
        Condition::compile(text, &schema).unwrap()
    }

    const KNOWN: [(&str, &str); 2] = [("intent", "action"), ("occasion", "")];

    #[test]
    fn only_operands_about_nothing_else_are_shares() {
        let count = |text: &str| condition(text).shares(&KNOWN).len();
        assert_eq!(count(r#"intent.action == "a" && account.arr > 1.0"#), 1);
        assert_eq!(
            count(r#"(account.arr > 1.0 && occasion == "send") && intent.action != "a""#),
            2
        );
        assert_eq!(count(r#"intent.action in ["a", "b"]"#), 1);
        assert_eq!(count(r#"intent.action == "a" || account.arr > 1.0"#), 0);
        assert_eq!(count(r#"intent.step == "a" && account.arr > 1.0"#), 0);
        assert_eq!(count(r#"["a"].exists(word, word == intent.action)"#), 0);
    }

    #[test]
    fn a_share_is_asked_without_the_other_facts() {
        let shares = condition(r#"account.arr > 1.0 && intent.action == "a""#).shares(&KNOWN);
        let holds = |action: &str| shares[0].holds(&json!({ "intent": { "action": action } }));
        assert_eq!((holds("a"), holds("b")), (Ok(true), Ok(false)));
    }
}
