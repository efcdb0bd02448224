//! A strict reader of the text format of Prometheus, version 0.0.4: what it does
//! not know is an error. Written from the specification, not from the writer.

use std::collections::{BTreeMap, BTreeSet};

/// What was read: each metric by its name.
pub(crate) type Exposition = BTreeMap<String, Family>;

/// One metric.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) help: String,
    pub(crate) kind: String,
    pub(crate) samples: Vec<Sample>,
}

/// One line with a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Sample {
    /// Whether it has all of these labels.
    pub(crate) fn is(&self, labels: &[(&str, &str)]) -> bool {
        labels
            .iter()
            .all(|(name, value)| self.labels.get(*name).is_some_and(|is| is == value))
    }
}

/// Adds up the samples of this name that have these labels.
pub(crate) fn sum(exposition: &Exposition, name: &str, labels: &[(&str, &str)]) -> f64 {
    let ends = ["", "_bucket", "_sum", "_count"];
    let family = ends.iter().find_map(|end| {
        let family = exposition.get(name.strip_suffix(end)?)?;
        (end.is_empty() || family.kind == "histogram").then_some(family)
    });
    let family = family.unwrap_or_else(|| panic!("there is no {name}"));
    let samples = family.samples.iter();
    samples
        .filter(|sample| sample.name == name && sample.is(labels))
        .map(|sample| sample.value)
        .sum()
}

/// Reads the whole of it; panics with the line that is wrong.
pub(crate) fn read(text: &str) -> Exposition {
    assert!(text.ends_with('\n'), "the last line has no end");
    let mut families = Exposition::new();
    let mut current: Option<String> = None;
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a text for help");
            assert!(is_name(name), "{line}");
            assert!(!families.contains_key(name), "{name} comes twice");
            let family = Family {
                help: help.to_owned(),
                ..Family::default()
            };
            families.insert(name.to_owned(), family);
            current = Some(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert_eq!(current.as_deref(), Some(name), "a type without its help");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            let family = families.get_mut(name).expect("it has help");
            kind.clone_into(&mut family.kind);
        } else {
            let sample = sample(line);
            let name = current.as_deref().expect("a metric before its values");
            let family = families.get_mut(name).expect("it has help");
            belongs(name, family, &sample);
            let key = (sample.name.clone(), sample.labels.clone());
            assert!(seen.insert(key), "twice: {line}");
            family.samples.push(sample);
        }
    }
    for (name, family) in &families {
        assert!(!family.kind.is_empty(), "{name} has no type");
        assert!(!family.samples.is_empty(), "{name} has no values");
        if family.kind == "histogram" {
            check_histogram(name, family);
        }
    }
    families
}

fn belongs(name: &str, family: &Family, sample: &Sample) {
    let allowed: &[&str] = match family.kind.as_str() {
        "histogram" => &["_bucket", "_sum", "_count"],
        _ => &[""],
    };
    let fits = allowed
        .iter()
        .any(|end| sample.name == format!("{name}{end}"));
    assert!(fits, "{} stands under {name}", sample.name);
    if family.kind != "gauge" {
        assert!(sample.value >= 0.0, "{name} counts less than nothing");
    }
}

/// Buckets grow, the last is all, and the count is what is in it.
fn check_histogram(name: &str, family: &Family) {
    let mut series: BTreeMap<_, Vec<(f64, f64)>> = BTreeMap::new();
    for sample in &family.samples {
        let mut labels = sample.labels.clone();
        let bound = labels.remove("le");
        let of = series.entry(labels).or_default();
        if sample.name.ends_with("_bucket") {
            let bound = bound.expect("a bucket has a bound");
            let bound = if bound == "+Inf" {
                f64::INFINITY
            } else {
                bound.parse().expect("a bound is a number")
            };
            of.push((bound, sample.value));
        }
    }
    for (labels, buckets) in series {
        assert!(
            buckets
                .windows(2)
                .all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1),
            "{name}{labels:?}: {buckets:?}"
        );
        let (last, all) = *buckets.last().expect("a bucket");
        assert!(last.is_infinite(), "{name}{labels:?} has no last bucket");
        let count = family
            .samples
            .iter()
            .find(|sample| sample.name.ends_with("_count") && sample.labels == labels);
        let count = count.expect("a count").value;
        assert!((count - all).abs() < f64::EPSILON, "{name}{labels:?}");
    }
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).expect("a value behind the name");
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, value) = rest.split_once("=\"").expect("a label's value");
            assert!(is_name(label) && !label.contains(':'), "{line}");
            let (value, after) = quoted(value);
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').expect("a space before the value");
    let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
    assert!(value.is_finite(), "{line}");
    Sample {
        name: name.to_owned(),
        labels,
        value,
    }
}

/// Reads up to the closing quote; what is behind it is the second.
fn quoted(text: &str) -> (String, &str) {
    let (mut value, mut letters) = (String::new(), text.char_indices());
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &text[at + 1..]),
            '\\' => match letters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                other => panic!("an unknown escape {other:?} in {text}"),
            },
            letter => value.push(letter),
        }
    }
    panic!("no closing quote in {text}")
}

fn is_name(text: &str) -> bool {
    let first = text.chars().next();
    first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

#[test]
fn what_is_not_the_format_is_refused() {
    let good = "# HELP a A.\n# TYPE a counter\na{b=\"c\\\"}\\n\"} 1\n";
    let read_good = read(good);
    assert_eq!(read_good["a"].samples[0].labels["b"], "c\"}\n");
    for bad in [
        "a 1\n",
        "# HELP a A.\n# TYPE a counter\na 1",
        "# HELP a A.\n# TYPE a counter\na one\n",
        "# HELP a A.\n# TYPE a counter\nb 1\n",
        "# HELP a A.\n# TYPE a counter\na -1\n",
        "# HELP a A.\n# TYPE a counter\na 1\na 2\n",
        "# HELP a A.\n# TYPE a summary\na 1\n",
        "# HELP a A.\n# TYPE a counter\n# HELP b B.\n# TYPE b gauge\nb 1\n",
        "# HELP a A.\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
    ] {
        assert!(std::panic::catch_unwind(|| read(bad)).is_err(), "{bad}");
    }
}
