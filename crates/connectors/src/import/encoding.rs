//! A file as a stream of UTF-8 bytes, whatever it was written in.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use encoding_rs::{Decoder, Encoding, UTF_8};

/// A file and the encoding it is said to be in. Can be opened again and again.
#[derive(Clone, Debug)]
pub(super) struct Source {
    path: PathBuf,
    encoding: &'static Encoding,
}

impl Source {
    /// A file; `encoding` counts unless the file begins with a byte-order mark.
    pub(super) fn new(path: &Path, encoding: Option<&'static Encoding>) -> Self {
        Self { path: path.to_owned(), encoding: encoding.unwrap_or(UTF_8) }
    }

    /// The bytes after any byte-order mark. UTF-8 is passed on unchecked, so that a broken row
    /// can be named; every other encoding is decoded.
    pub(super) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(&self.path)?;
        let mut head = Vec::with_capacity(3);
        file.by_ref().take(3).read_to_end(&mut head)?;
        let (encoding, mark) = Encoding::for_bom(&head).unwrap_or((self.encoding, 0));
        let bytes = BufReader::new(io::Cursor::new(head.split_off(mark)).chain(file));
        if encoding == UTF_8 {
            return Ok(Box::new(bytes));
        }
        Ok(Box::new(Decoded {
            input: bytes,
            decoder: encoding.new_decoder_without_bom_handling(),
            pending: Vec::new(),
            text: Vec::new(),
            at: 0,
            ended: false,
        }))
    }
}

/// Decodes as it is read. What cannot be decoded becomes U+FFFD.
struct Decoded<R> {
    input: R,
    decoder: Decoder,
    pending: Vec<u8>,
    text: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() && !(self.ended && self.pending.is_empty()) {
            if self.pending.is_empty() {
                let read = self.input.by_ref().take(16 * 1024).read_to_end(&mut self.pending)?;
                self.ended = read == 0;
            }
            self.text.resize(64 * 1024, 0);
            let (_, read, written, _) =
                self.decoder.decode_to_utf8(&self.pending, &mut self.text, self.ended);
            self.pending.drain(..read);
            self.text.truncate(written);
            self.at = 0;
        }
        let ready = &self.text[self.at..];
        let count = ready.len().min(out.len());
        out[..count].copy_from_slice(&ready[..count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], label: Option<&str>) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        std::fs::write(&path, bytes).unwrap();
        let encoding = label.map(|label| Encoding::for_label(label.as_bytes()).unwrap());
        let mut text = Vec::new();
        Source::new(&path, encoding).open().unwrap().read_to_end(&mut text).unwrap();
        text
    }

    #[test]
    fn byte_order_marks_are_obeyed_and_removed() {
        assert_eq!(read(b"\xEF\xBB\xBFid,name", None), b"id,name");
        assert_eq!(read(b"\xFF\xFEi\0d\0\xE9\0", None), "idé".as_bytes());
        assert_eq!(read(b"\xFE\xFF\0i\0d", Some("windows-1252")), b"id");
        assert_eq!(read(b"", None), b"");
        assert_eq!(read(b"i", Some("utf-16le")), "\u{FFFD}".as_bytes());
    }

    #[test]
    fn a_named_encoding_is_decoded_whole_even_across_buffer_ends() {
        let text = "Müller & Söhne €;".repeat(9000);
        let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(&text);
        assert_eq!(read(&bytes, Some("windows-1252")), text.as_bytes());
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&utf16, Some("utf-16le")), text.as_bytes());
    }

    #[test]
    fn utf_8_is_passed_on_unchecked() {
        assert_eq!(read(b"a\xFFb", None), b"a\xFFb");
    }
}
