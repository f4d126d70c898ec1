//! Notes which statements the suite runs, for `cargo xtask test` to say which it does not.

use std::{
    collections::HashSet,
    io::Write as _,
    path::Path,
    sync::{Mutex, Once},
};

/// Begins to note, where somebody wants to know: in a file of this process in the folder that
/// `TEST_STATEMENTS` names, a line for each place a statement is written at, as it is first run on a
/// database.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment what to note")]
pub(crate) fn begin() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Ok(folder) = std::env::var("TEST_STATEMENTS") else { return };
        let file = Path::new(&folder).join(format!("{}.txt", std::process::id()));
        let noted = Mutex::new((HashSet::new(), std::fs::File::create(file).unwrap()));
        store::observe_statements(move |statement| {
            let (seen, file) = &mut *noted.lock().unwrap();
            for site in &statement.sites {
                if seen.insert((statement.engine, site.file(), site.line())) {
                    writeln!(file, "{} {}:{}", statement.engine, site.file(), site.line()).unwrap();
                }
            }
        });
    });
}
