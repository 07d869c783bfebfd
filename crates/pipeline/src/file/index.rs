//! Where each key and value of a YAML text stands.
//!
//! Typed reading loses positions, so the text is scanned a second time for them.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScanError, Span as Marks};

/// A stretch of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
    /// In characters; 0 where only the start is known.
    pub(crate) width: usize,
}

/// A scan that failed: where, and the scanner's words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) span: Span,
    pub(crate) message: String,
}

#[derive(Clone, Copy)]
struct Node {
    key: Span,
    value: Span,
}

/// Positions by path, such as `["stages", "pretrain", "params", "n_head"]`; items of a sequence
/// are numbered from 0.
pub(crate) struct Index(HashMap<Vec<String>, Node>);

enum Frame {
    Map { path: Vec<String>, key: Option<(String, Span)> },
    Seq { path: Vec<String>, next: usize },
}

impl Index {
    /// Scans a text. Refuses what the scanner refuses, keys that are not scalars, and a key
    /// that comes twice.
    pub(crate) fn new(text: &str) -> Result<Self, Refused> {
        let mut nodes = HashMap::new();
        let mut frames: Vec<Frame> = Vec::new();
        for event in Parser::new_from_str(text) {
            let (event, marks) = event.map_err(refused)?;
            let span = span(marks);
            let scalar = match &event {
                Event::Scalar(text, ..) => Some(text.as_ref()),
                _ => None,
            };
            match event {
                Event::Scalar(..) | Event::Alias(_) | Event::SequenceStart(..) | Event::MappingStart(..) => {}
                Event::SequenceEnd | Event::MappingEnd => {
                    frames.pop();
                    continue;
                }
                _ => continue,
            }
            let path = match frames.last_mut() {
                None => Vec::new(),
                Some(Frame::Map { key: key @ None, .. }) => {
                    let Some(text) = scalar else {
                        return Err(Refused { span, message: "a key has to be a plain text".into() });
                    };
                    *key = Some((text.to_owned(), span));
                    continue;
                }
                Some(Frame::Map { path, key }) => {
                    let (name, at) = key.take().expect("the arm above takes a map without a key");
                    let path = extended(path, name);
                    if nodes.contains_key(&path) {
                        let message = format!("the key `{}` comes twice", path[path.len() - 1]);
                        return Err(Refused { span: at, message });
                    }
                    nodes.insert(path.clone(), Node { key: at, value: span });
                    path
                }
                Some(Frame::Seq { path, next }) => {
                    let path = extended(path, next.to_string());
                    *next += 1;
                    nodes.insert(path.clone(), Node { key: span, value: span });
                    path
                }
            };
            match event {
                Event::MappingStart(..) => frames.push(Frame::Map { path, key: None }),
                Event::SequenceStart(..) => frames.push(Frame::Seq { path, next: 0 }),
                _ => {}
            }
        }
        Ok(Self(nodes))
    }

    /// Where the key at `path` stands, or the nearest key above it.
    pub(crate) fn key(&self, path: &[String]) -> Span {
        self.nearest(path).map_or(START, |(node, _)| node.key)
    }

    /// Where the value at `path` stands, or the nearest key above it.
    pub(crate) fn value(&self, path: &[String]) -> Span {
        match self.nearest(path) {
            Some((node, true)) if node.value.width > 0 => node.value,
            Some((node, _)) => node.key,
            None => START,
        }
    }

    fn nearest(&self, path: &[String]) -> Option<(Node, bool)> {
        (1..=path.len()).rev().find_map(|n| Some((*self.0.get(&path[..n])?, n == path.len())))
    }
}

const START: Span = Span { line: 1, column: 1, width: 1 };

fn extended(path: &[String], name: String) -> Vec<String> {
    path.iter().cloned().chain([name]).collect()
}

fn span(marks: Marks) -> Span {
    // A value of several lines is marked at its start.
    let width = if marks.end.line() == marks.start.line() { marks.len() } else { 1 };
    Span { line: marks.start.line().max(1), column: marks.start.col() + 1, width }
}

fn refused(error: ScanError) -> Refused {
    let mark = error.marker();
    let span = Span { line: mark.line().max(1), column: mark.col() + 1, width: 1 };
    Refused { span, message: format!("not valid YAML: {}", error.info()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn keys_and_values_have_their_places() {
        let text = "seed: 42\nstages:\n  probe:\n    params: {l2: [0.1, 10]}\n  report:\n";
        let index = Index::new(text).unwrap();
        let at = |line, column, width| Span { line, column, width };
        assert_eq!(index.value(&path("seed")), at(1, 7, 2));
        assert_eq!(index.key(&path("stages.probe")), at(3, 3, 5));
        assert_eq!(index.key(&path("stages.probe.params.l2")), at(4, 14, 2));
        assert_eq!(index.value(&path("stages.probe.params.l2.1")), at(4, 24, 2));
        // Nothing there: the key; nothing of that name: the key above.
        assert_eq!(index.value(&path("stages.report")), at(5, 3, 6));
        assert_eq!(index.value(&path("stages.report.params.x")), at(5, 3, 6));
        assert_eq!(index.key(&path("nothing")), START);
    }

    #[test]
    fn a_key_that_comes_twice_is_refused() {
        let refused = Index::new("a: 1\nb:\n  c: 1\n  c: 2\n").err().unwrap();
        assert_eq!(refused.span, Span { line: 4, column: 3, width: 1 });
        assert_eq!(refused.message, "the key `c` comes twice");
    }

    #[test]
    fn aliases_and_odd_keys_do_no_harm() {
        let index = Index::new("a: &x {b: 1}\nc: *x\n").unwrap();
        assert_eq!(index.key(&path("c.b")).line, 2);
        assert!(Index::new("? [a, b]\n: 1\n").is_err());
        assert!(Index::new("a: [1, 2\n").is_err());
    }
}
