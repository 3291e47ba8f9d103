//! What a server says to Prometheus, read back; and HTTP just enough to ask for it.

use std::collections::{BTreeMap, BTreeSet};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// One scrape.
#[derive(Clone, Debug)]
pub struct Scrape {
    /// Values by series: a name, and labels as they are written.
    pub series: BTreeMap<String, f64>,
    /// Types by family.
    pub types: BTreeMap<String, String>,
    /// Families with help.
    pub helped: BTreeSet<String>,
}

impl Scrape {
    pub fn parse(text: &str) -> Self {
        let (mut series, mut types, mut helped) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} has two types");
            } else if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a help");
                assert!(!help.is_empty());
                helped.insert(name.to_owned());
            } else {
                let (name, value) = line.rsplit_once(' ').expect("a value");
                let value = value.parse().expect("a number");
                assert!(series.insert(name.to_owned(), value).is_none(), "{name} is there twice");
            }
        }
        Self { series, types, helped }
    }

    /// The sum of the series of that name whose labels contain all of these.
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let ours = |series: &str| {
            let (this, rest) = series.split_once('{').unwrap_or((series, ""));
            this == name && labels.iter().all(|label| rest.contains(label))
        };
        let matching = || self.series.iter().filter(|(series, _)| ours(series));
        assert!(matching().count() > 0, "there is no series {name} with {labels:?}");
        matching().map(|(_, value)| value).sum()
    }

    /// The same as a whole number.
    pub fn count(&self, name: &str, labels: &[&str]) -> u64 {
        let sum = self.sum(name, labels);
        assert!(sum >= 0.0 && sum.fract() == 0.0, "{name} is {sum}");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just above")]
        let count = sum as u64;
        count
    }

    /// Counters that are greater than before, buckets and sums left aside, each with by how much.
    pub fn moved_since(&self, before: &Self) -> BTreeMap<String, f64> {
        let is_count = |series: &str| {
            let name = series.split('{').next().unwrap_or(series);
            (name.ends_with("_total") || name.ends_with("_count")) && !name.contains("_seconds_total")
        };
        let series = self.series.iter().filter(|(series, _)| is_count(series));
        series
            .map(|(name, value)| (name.clone(), value - before.series.get(name).copied().unwrap_or(0.0)))
            .filter(|(_, by)| *by != 0.0)
            .collect()
    }
}

/// Asks for a path; gives the status, the head and the body. In HTTP 1.0, in which a body comes as it is.
pub async fn get(url: &str, path: &str) -> (u16, String, String) {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("somebody listens");
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it takes a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, head.to_owned(), body.to_owned())
}
