//! Where the policy's files come from, and how a fault in one is told.

use std::{fmt::Write as _, fs, ops::Range, path::PathBuf};

use ring::digest::{Context, SHA256};
use toml::de::{DeTable, DeValue};

/// Where to read the policy from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySource {
    /// Municipality: `karmoy` reads `kommuner/karmoy.toml`.
    pub kommune: String,
    /// Directory with `policies/` and `kommuner/` that replaces all embedded
    /// files; none: the embedded ones.
    pub katalog: Option<PathBuf>,
}

impl PolicySource {
    /// The files that came with the program.
    #[must_use]
    pub fn embedded(kommune: &str) -> Self {
        Self {
            kommune: kommune.to_owned(),
            katalog: None,
        }
    }
}

/// A fault in a file of the policy. Prints as one line: `file:line: fault`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {fault}", self.place())]
pub struct LoadError {
    /// File, relative to the source.
    pub file: String,
    /// Line from 1; 0 when the fault is the file as a whole.
    pub line: usize,
    /// What is wrong and what would be right.
    pub fault: String,
}

impl LoadError {
    pub(super) fn new(file: &str, line: usize, fault: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            // A fault of a parser may span lines; this prints as one.
            fault: fault
                .into()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    fn place(&self) -> String {
        match self.line {
            0 => self.file.clone(),
            line => format!("{}:{line}", self.file),
        }
    }
}

/// One file: its name relative to the source, and its text.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) text: String,
}

/// All files of a policy.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) cedar: Vec<File>,
    pub(super) formaal: File,
    pub(super) roller: File,
    pub(super) fakta: File,
    pub(super) funksjoner: File,
    pub(super) kommune: File,
}

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../", $name)))),*]
    };
}

pub(super) const EMBEDDED: &[(&str, &str)] = embedded![
    "policies/1-kjerne.cedar",
    "policies/2-forbud.cedar",
    "policies/3-lese.cedar",
    "policies/4-gjore.cedar",
    "policies/formaal.toml",
    "policies/roller.toml",
    "policies/fakta.toml",
    "policies/funksjoner.toml",
    "kommuner/alesund.toml",
    "kommuner/karmoy.toml",
    "kommuner/kristiansund.toml",
    "kommuner/levanger.toml",
    "kommuner/sarpsborg.toml",
];

impl Files {
    pub(super) fn read(source: &PolicySource) -> Result<Self, LoadError> {
        let all = match &source.katalog {
            None => EMBEDDED
                .iter()
                .map(|(name, text)| File {
                    name: (*name).to_owned(),
                    text: (*text).to_owned(),
                })
                .collect(),
            Some(katalog) => read_directory(katalog)?,
        };
        Self::sort_out(all, &source.kommune)
    }

    fn sort_out(mut all: Vec<File>, kommune: &str) -> Result<Self, LoadError> {
        let mut take = |name: String| {
            if let Some(at) = all.iter().position(|file| file.name == name) {
                return Ok(all.swap_remove(at));
            }
            let kommuner = match name.starts_with("kommuner/") {
                true => format!("; there are {}", names_under(&all, "kommuner/")),
                false => String::new(),
            };
            Err(LoadError::new(&name, 0, format!("missing{kommuner}")))
        };
        let formaal = take("policies/formaal.toml".into())?;
        let roller = take("policies/roller.toml".into())?;
        let fakta = take("policies/fakta.toml".into())?;
        let funksjoner = take("policies/funksjoner.toml".into())?;
        let kommune = take(format!("kommuner/{kommune}.toml"))?;
        let mut cedar: Vec<File> = all
            .into_iter()
            .filter(|file| has_extension(&file.name, "cedar"))
            .collect();
        cedar.sort_by(|a, b| a.name.cmp(&b.name));
        if cedar.is_empty() {
            return Err(LoadError::new("policies/", 0, "no .cedar file"));
        }
        Ok(Self {
            cedar,
            formaal,
            roller,
            fakta,
            funksjoner,
            kommune,
        })
    }

    /// Twelve hex digits over names and texts; every byte of a rule counts.
    pub(super) fn version(&self) -> String {
        let Self {
            cedar,
            formaal,
            roller,
            fakta,
            funksjoner,
            kommune,
        } = self;
        let mut hash = Context::new(&SHA256);
        for file in cedar
            .iter()
            .chain([formaal, roller, fakta, funksjoner, kommune])
        {
            for part in [&file.name, &file.text] {
                hash.update(&(part.len() as u64).to_be_bytes());
                hash.update(part.as_bytes());
            }
        }
        let mut version = String::new();
        for byte in hash.finish().as_ref().iter().take(6) {
            // Writing to a string does not fail.
            let _ = write!(version, "{byte:02x}");
        }
        version
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    std::path::Path::new(name)
        .extension()
        .is_some_and(|e| e == extension)
}

fn names_under(files: &[File], folder: &str) -> String {
    let mut names: Vec<&str> = files
        .iter()
        .filter_map(|file| file.name.strip_prefix(folder)?.strip_suffix(".toml"))
        .collect();
    names.sort_unstable();
    names.join(", ")
}

fn read_directory(katalog: &std::path::Path) -> Result<Vec<File>, LoadError> {
    let mut files = Vec::new();
    for folder in ["policies", "kommuner"] {
        let path = katalog.join(folder);
        let fault =
            |e: std::io::Error| LoadError::new(&path.display().to_string(), 0, e.to_string());
        for entry in fs::read_dir(&path).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if has_extension(&name, "cedar") || has_extension(&name, "toml") {
                let text = fs::read_to_string(entry.path())
                    .map_err(|e| LoadError::new(&name, 0, e.to_string()))?;
                files.push(File { name, text });
            }
        }
    }
    Ok(files)
}

/// A TOML file with the place of every key and value.
pub(super) struct Toml<'a> {
    file: &'a str,
    text: &'a str,
    root: DeTable<'a>,
}

/// A table of a TOML file.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    doc: &'a Toml<'a>,
    table: &'a DeTable<'a>,
    line: usize,
}

/// A text of a TOML file and its line.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    pub(super) line: usize,
}

impl<'a> Toml<'a> {
    pub(super) fn parse(file: &'a File) -> Result<Self, LoadError> {
        let root = DeTable::parse(&file.text).map_err(|e| {
            let at = e.span().map_or(0, |span| line_of(&file.text, &span));
            LoadError::new(&file.name, at, e.message())
        })?;
        Ok(Self {
            file: &file.name,
            text: &file.text,
            root: root.into_inner(),
        })
    }

    pub(super) const fn root(&'a self) -> Table<'a> {
        Table {
            doc: self,
            table: &self.root,
            line: 0,
        }
    }
}

impl<'a> Table<'a> {
    pub(super) fn fault(&self, line: usize, fault: impl Into<String>) -> LoadError {
        LoadError::new(self.doc.file, line, fault)
    }

    /// Keys with their lines, in the order of the file.
    pub(super) fn keys(&self) -> Vec<Text<'a>> {
        let mut keys: Vec<(usize, Text<'a>)> = self
            .table
            .keys()
            .map(|key| {
                let line = line_of(self.doc.text, &key.span());
                let text = key.get_ref().as_ref();
                (key.span().start, Text { text, line })
            })
            .collect();
        keys.sort_by_key(|(at, _)| *at);
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// Refuses keys that nobody reads: they would be misspelt ones.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), LoadError> {
        match self.keys().iter().find(|key| !known.contains(&key.text)) {
            None => Ok(()),
            Some(key) => Err(self.fault(
                key.line,
                format!("unknown key {}; known: {}", key.text, known.join(", ")),
            )),
        }
    }

    fn value(&self, key: &str) -> Option<(&'a DeValue<'a>, usize)> {
        let value = self.table.get(key)?;
        Some((value.get_ref(), line_of(self.doc.text, &value.span())))
    }

    fn required(&self, key: &str, what: &str) -> Result<(&'a DeValue<'a>, usize), LoadError> {
        self.value(key)
            .ok_or_else(|| self.fault(self.line, format!("{key} is missing: {what}")))
    }

    pub(super) fn table(&self, key: &str) -> Result<Table<'a>, LoadError> {
        let (value, line) = self.required(key, "a table")?;
        let table = value
            .as_table()
            .ok_or_else(|| self.fault(line, format!("{key} must be a table")))?;
        Ok(Table {
            doc: self.doc,
            table,
            line,
        })
    }

    pub(super) fn text(&self, key: &str) -> Result<Text<'a>, LoadError> {
        let (value, line) = self.required(key, "a text")?;
        match value.as_str() {
            Some(text) if !text.trim().is_empty() => Ok(Text { text, line }),
            _ => Err(self.fault(line, format!("{key} must be a text"))),
        }
    }

    pub(super) fn optional_text(&self, key: &str) -> Result<Option<Text<'a>>, LoadError> {
        match self.value(key) {
            None => Ok(None),
            Some(_) => self.text(key).map(Some),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<bool, LoadError> {
        let (value, line) = self.required(key, "true or false")?;
        value
            .as_bool()
            .ok_or_else(|| self.fault(line, format!("{key} must be true or false")))
    }

    pub(super) fn texts(&self, key: &str) -> Result<Vec<Text<'a>>, LoadError> {
        let (value, line) = self.required(key, "a list of texts")?;
        let fault = |line| self.fault(line, format!("{key} must be a list of texts"));
        let mut texts = Vec::new();
        for item in value.as_array().ok_or_else(|| fault(line))? {
            let line = line_of(self.doc.text, &item.span());
            let text = item.get_ref().as_str().ok_or_else(|| fault(line))?;
            texts.push(Text { text, line });
        }
        Ok(texts)
    }

    /// A list of names, each looked up; an unknown one is a fault that tells
    /// the known ones.
    pub(super) fn names<T>(
        &self,
        key: &str,
        what: &str,
        lookup: impl Fn(&str) -> Option<T>,
        known: impl Fn() -> String,
    ) -> Result<Vec<T>, LoadError> {
        self.texts(key)?
            .into_iter()
            .map(|Text { text, line }| {
                lookup(text).ok_or_else(|| {
                    self.fault(line, format!("unknown {what} {text}; known: {}", known()))
                })
            })
            .collect()
    }
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    let before = text.get(..span.start).unwrap_or(text);
    before.bytes().filter(|byte| *byte == b'\n').count() + 1
}
