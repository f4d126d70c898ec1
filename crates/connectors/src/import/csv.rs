//! A CSV reader that is bounded in memory, knows its lines, and goes on after a broken row.

use std::{
    io::{self, Read},
    ops::Range,
};

/// The longest field that is read, in bytes.
pub(super) const MAX_FIELD: usize = 256 * 1024;
/// The longest row that is read, in bytes.
pub(super) const MAX_ROW: usize = 4 * 1024 * 1024;
/// The most fields of a row.
pub(super) const MAX_FIELDS: usize = 4096;
/// How often the file is taken up again after a quote that is never closed.
const MAX_RESUMES: u32 = 20;

/// What is wrong with a row as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A field is longer than [`MAX_FIELD`]; its rest was passed over.
    LongField(usize),
    /// The row is longer than [`MAX_ROW`] or has more than [`MAX_FIELDS`] fields.
    LongRow,
    /// A quote opens a field and is never closed.
    OpenQuote(usize),
}

/// One row. Reused from row to row.
#[derive(Debug, Default)]
pub(super) struct Fields {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// The line the row begins on, from 1.
    pub(super) line: u64,
    /// What is wrong with it, if anything.
    pub(super) flaw: Option<Flaw>,
}

impl Fields {
    /// How many fields there are.
    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// The size of all fields, in bytes.
    pub(super) const fn size(&self) -> usize {
        self.bytes.len()
    }

    /// A field's bytes; empty beyond the last one.
    pub(super) fn get(&self, index: usize) -> &[u8] {
        self.bytes.get(self.range(index)).unwrap_or_default()
    }

    fn range(&self, index: usize) -> Range<usize> {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        start.unwrap_or(0)..self.ends.get(index).copied().unwrap_or(0)
    }

    fn clear(&mut self, line: u64) {
        self.bytes.clear();
        self.ends.clear();
        self.line = line;
        self.flaw = None;
    }

    fn push(&mut self, byte: u8) {
        let start = self.ends.last().copied().unwrap_or(0);
        if self.bytes.len() - start >= MAX_FIELD {
            self.flaw.get_or_insert(Flaw::LongField(self.ends.len()));
        } else if self.bytes.len() >= MAX_ROW {
            self.flaw.get_or_insert(Flaw::LongRow);
        } else {
            self.bytes.push(byte);
        }
    }

    fn end(&mut self) {
        if self.ends.len() < MAX_FIELDS {
            self.ends.push(self.bytes.len());
        } else {
            self.flaw.get_or_insert(Flaw::LongRow);
        }
    }

    /// Whether the line was empty.
    fn is_blank(&self) -> bool {
        self.ends.len() == 1 && self.bytes.is_empty() && self.flaw.is_none()
    }
}

/// Opens the text from its beginning.
pub(super) type Opener = Box<dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send>;

/// Reads rows, one after the other.
pub(super) struct Rows {
    opener: Opener,
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    /// Bytes taken since the beginning.
    offset: u64,
    line: u64,
    /// The byte taken last, and the one before it.
    last: [u8; 2],
    delimiter: u8,
    resumes: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a field.
    Start,
    /// In a field that did not begin with a quote.
    Bare,
    /// Between quotes.
    Quoted,
    /// After a quote inside a quoted field: its end, or the first of two.
    Quote,
}

impl Rows {
    /// Reads from the beginning. The delimiter is found in the first line.
    pub(super) fn open(opener: Opener) -> io::Result<Self> {
        let input = opener()?;
        let mut rows = Self {
            opener,
            input,
            buffer: vec![0; 64 * 1024],
            at: 0,
            filled: 0,
            offset: 0,
            line: 1,
            last: [0; 2],
            delimiter: b',',
            resumes: 0,
        };
        rows.fill_up()?;
        let first = &rows.buffer[..rows.filled];
        if let Some(delimiter) = announced(first) {
            rows.delimiter = delimiter;
            // Excel's `sep=;` line is no header.
            while rows.line == 1 && rows.byte()?.is_some() {}
        } else {
            rows.delimiter = detected(first);
        }
        Ok(rows)
    }

    /// Reads the next row that is not blank; false at the end.
    pub(super) fn read(&mut self, fields: &mut Fields) -> io::Result<bool> {
        loop {
            if !self.read_any(fields)? {
                return Ok(false);
            }
            if !fields.is_blank() {
                return Ok(true);
            }
        }
    }

    fn read_any(&mut self, fields: &mut Fields) -> io::Result<bool> {
        let mut state = State::Start;
        let mut second_line = None;
        let mut any = false;
        loop {
            let Some(byte) = self.byte()? else {
                if !any {
                    return Ok(false);
                }
                if state == State::Quoted {
                    fields.flaw = Some(Flaw::OpenQuote(fields.len()));
                    self.resume(second_line, fields.line + 1)?;
                }
                fields.end();
                return Ok(true);
            };
            if !any {
                // The rest of the CRLF that ended the row before.
                if self.last == *b"\r\n" {
                    continue;
                }
                any = true;
                let began = if matches!(byte, b'\n' | b'\r') { self.line - 1 } else { self.line };
                fields.clear(began);
            }
            state = match (state, byte) {
                (State::Start, b'"') => State::Quoted,
                (State::Quoted, b'"') => State::Quote,
                (State::Quote, b'"') => {
                    fields.push(b'"');
                    State::Quoted
                }
                (State::Quoted, byte) => {
                    if byte == b'\n' && second_line.is_none() {
                        second_line = Some(self.offset);
                    }
                    fields.push(byte);
                    State::Quoted
                }
                (_, b'\n' | b'\r') => {
                    fields.end();
                    return Ok(true);
                }
                (_, byte) if byte == self.delimiter => {
                    fields.end();
                    State::Start
                }
                (_, byte) => {
                    fields.push(byte);
                    State::Bare
                }
            };
        }
    }

    /// Takes the text up again behind the first line of a row whose quote is never closed, so
    /// that one stray quote does not swallow the rest of the file.
    fn resume(&mut self, from: Option<u64>, line: u64) -> io::Result<()> {
        let Some(from) = from.filter(|_| self.resumes < MAX_RESUMES) else { return Ok(()) };
        self.resumes += 1;
        let mut input = (self.opener)()?;
        io::copy(&mut input.by_ref().take(from), &mut io::sink())?;
        self.input = input;
        (self.at, self.filled, self.offset, self.line) = (0, 0, from, line);
        self.last = [0; 2];
        Ok(())
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        if self.at == self.filled {
            self.at = 0;
            self.filled = 0;
            self.fill_up()?;
            if self.filled == 0 {
                return Ok(None);
            }
        }
        let byte = self.buffer[self.at];
        self.at += 1;
        self.offset += 1;
        self.last = [self.last[1], byte];
        // A lone CR ends a line, too; of a CRLF only the CR counts.
        if byte == b'\r' || (byte == b'\n' && self.last[0] != b'\r') {
            self.line += 1;
        }
        Ok(Some(byte))
    }

    /// Fills the buffer as far as it goes.
    fn fill_up(&mut self) -> io::Result<()> {
        while self.filled < self.buffer.len() {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(0) => break,
                Ok(count) => self.filled += count,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }
}

/// The delimiter that Excel's `sep=;` line announces.
fn announced(text: &[u8]) -> Option<u8> {
    match text.strip_prefix(b"sep=") {
        Some([delimiter @ (b',' | b';' | b'\t'), b'\r' | b'\n', ..]) => Some(*delimiter),
        _ => None,
    }
}

/// Whichever of comma, semicolon and tab is most frequent in the first line outside quotes.
fn detected(text: &[u8]) -> u8 {
    let mut counts = [(b',', 0_u32), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for &byte in text {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if !quoted => {
                for (delimiter, count) in &mut counts {
                    *count += u32::from(byte == *delimiter);
                }
            }
            _ => {}
        }
    }
    // The first of several equals, so a comma where there is nothing to go by.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| *delimiter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &[u8]) -> Rows {
        let text = text.to_vec();
        Rows::open(Box::new(move || Ok(Box::new(io::Cursor::new(text.clone()))))).unwrap()
    }

    /// Every row as line, fields and flaw.
    fn read(text: &[u8]) -> Vec<(u64, Vec<String>, Option<Flaw>)> {
        let mut rows = rows(text);
        let mut fields = Fields::default();
        let mut all = Vec::new();
        while rows.read(&mut fields).unwrap() {
            let texts = (0..fields.len())
                .map(|index| String::from_utf8_lossy(fields.get(index)).into_owned());
            all.push((fields.line, texts.collect(), fields.flaw));
        }
        all
    }

    fn row(line: u64, fields: &[&str]) -> (u64, Vec<String>, Option<Flaw>) {
        (line, fields.iter().map(|&field| field.to_owned()).collect(), None)
    }

    #[test]
    fn delimiters_line_ends_quotes_and_blank_lines_are_understood() {
        let expected = [row(1, &["id", "na,me"]), row(3, &["1", "a\nb \"c\""]), row(5, &["2", ""])];
        for text in [
            "id,\"na,me\"\n\n1,\"a\nb \"\"c\"\"\"\n2,\n",
            "id;\"na,me\"\n\n1;\"a\nb \"\"c\"\"\"\n2;",
            "id\t\"na,me\"\n\n1\t\"a\nb \"\"c\"\"\"\n2\t\n\n\n",
            "id,\"na,me\"\r\n\r\n1,\"a\nb \"\"c\"\"\"\r\n2,\r\n",
            "id,\"na,me\"\r\r1,\"a\nb \"\"c\"\"\"\r2,\r",
        ] {
            assert_eq!(read(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(read(b"sep=;\r\nid;a,b\r\n"), [row(2, &["id", "a,b"])]);
        assert_eq!(read(b""), []);
        assert_eq!(read(b"\n\r\n\n"), []);
        assert_eq!(read(b"a,b \"c\" d,\"e\"f"), [row(1, &["a", "b \"c\" d", "ef"])]);
    }

    #[test]
    fn a_million_characters_flaw_one_row_and_the_rest_goes_on() {
        let long = "x\n".repeat(500_000);
        let text = format!("id,body\n1,\"{long}\"\n2,fine\n");
        let rows = read(text.as_bytes());
        assert_eq!(rows[1].2, Some(Flaw::LongField(1)));
        assert_eq!(rows[1].1[1].len(), MAX_FIELD);
        assert_eq!(rows[2], row(500_003, &["2", "fine"]));
        let wide = format!("id\n{}\n3\n", ",".repeat(10_000));
        assert_eq!(read(wide.as_bytes())[1].2, Some(Flaw::LongRow));
        assert_eq!(read(wide.as_bytes())[2], row(3, &["3"]));
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_its_own_row_only() {
        let rows = read(b"id,name\n1,a\n2,\"b\n3,c\n4,d\n");
        assert_eq!(rows[2].0, 3);
        assert_eq!(rows[2].2, Some(Flaw::OpenQuote(1)));
        assert_eq!(rows[3..], [row(4, &["3", "c"]), row(5, &["4", "d"])]);
        let hostile = "\"\n\"\"\n".repeat(3000);
        assert!(read(hostile.as_bytes()).len() < 10_000);
    }

    proptest! {
        #[test]
        fn no_bytes_panic_or_loop(text in proptest::collection::vec(
            prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), any::<u8>()], 0..400,
        )) {
            let _ = read(&text);
        }

        #[test]
        fn what_a_csv_writer_writes_is_read_back(
            table in proptest::collection::vec(proptest::collection::vec("[a-z,;\"\r\n\t ]{1,8}", 3), 1..8),
            delimiter in prop_oneof![Just(b','), Just(b';'), Just(b'\t')],
            crlf: bool,
        ) {
            let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
            let mut writer = csv::WriterBuilder::new()
                .delimiter(delimiter)
                .terminator(terminator)
                .from_writer(Vec::new());
            writer.write_record(["h1", "h2", "h3"]).unwrap();
            for record in &table {
                writer.write_record(record).unwrap();
            }
            let rows = read(&writer.into_inner().unwrap());
            let texts: Vec<Vec<String>> = rows.into_iter().skip(1).map(|(_, texts, _)| texts).collect();
            prop_assert_eq!(texts, table);
        }
    }
}
