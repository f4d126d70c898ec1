//! Templates people write: rendering them, and saying where they break.

use std::{
    io::{self, Write},
    sync::LazyLock,
};

use serde_json::Value;
use tera::{Context, ErrorKind, Tera};

/// The most a template may produce, in bytes.
const MOST_BYTES: usize = 100_000;

static TERA: LazyLock<Tera> = LazyLock::new(Tera::new);

/// Why a template does not render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TextError {
    /// Lower case, no period.
    pub(crate) message: String,
    /// Byte offset in the template.
    pub(crate) offset: usize,
    /// Length in bytes.
    pub(crate) len: usize,
}

/// Renders a template over facts, as plain text.
pub(crate) fn render(template: &str, facts: &Value) -> Result<String, TextError> {
    let whole = |message: &str| TextError { message: message.to_owned(), offset: 0, len: 1 };
    if template.len() > MOST_BYTES {
        return Err(whole("template is too long"));
    }
    let context =
        context(template, facts).map_err(|_| whole("facts cannot be given to a template"))?;
    let mut output = Bounded(Vec::new());
    if let Err(error) = TERA.render_str_to(template, &context, false, &mut output) {
        // Said again with everything there is at hand, which the message may list.
        let all = Context::from_serialize(facts).unwrap_or(context);
        let again = TERA.render_str_to(template, &all, false, &mut Bounded(Vec::new()));
        return Err(explain(again.as_ref().err().unwrap_or(&error)));
    }
    String::from_utf8(output.0).map_err(|_| whole("template does not give text"))
}

/// What a template may ask for. A root whose name is nowhere in its text is not converted; a title
/// asks for one or two of ten.
fn context(template: &str, facts: &Value) -> tera::TeraResult<Context> {
    let Value::Object(roots) = facts else { return Context::from_serialize(facts) };
    // Tera's own name for everything there is.
    let all = template.contains("__tera");
    let mut context = Context::new();
    for (name, root) in roots.iter().filter(|(name, _)| all || template.contains(name.as_str())) {
        context.insert_value(name.clone(), tera::Value::try_from_serializable(root)?);
    }
    Ok(context)
}

/// Renders a template that is one line of text, at most `most` characters long.
pub(crate) fn render_line(template: &str, facts: &Value, most: usize) -> Result<String, TextError> {
    let text = render(template, facts)?;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return Ok(line);
    }
    // Names out of a CRM may be of any length; a task must not fail for it.
    let mut short: String = line.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    Ok(short)
}

fn explain(error: &tera::Error) -> TextError {
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            let range = report.span().range.clone();
            TextError {
                message: lowered(report.message()),
                offset: range.start,
                len: range.len().max(1),
            }
        }
        ErrorKind::Io(_) => TextError {
            message: format!("template gives more than {MOST_BYTES} bytes"),
            offset: 0,
            len: 1,
        },
        other => {
            let first = other.to_string();
            let first = first.lines().next().unwrap_or("template does not render");
            TextError { message: lowered(first), offset: 0, len: 1 }
        }
    }
}

/// Another's message in our style.
fn lowered(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default().trim_end_matches('.');
    let mut rest = message.chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(rest).filter(|c| !c.is_control()).take(300).collect()
    })
}

/// A buffer that refuses to grow without end.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
