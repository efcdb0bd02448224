//! The metrics of one service, and how they are written down.

use std::{collections::BTreeMap, sync::Mutex};

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, TextEncoder, core::Collector,
};

use crate::definition::{Definition, Kind};

/// The type of what [`render`] writes.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One metric with its values.
pub type Family = prometheus::proto::MetricFamily;

/// Writes what several services tell; a metric of more than one appears once.
pub fn render(told: impl IntoIterator<Item = Family>) -> String {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for mut family in told {
        match families.get_mut(family.name()) {
            Some(first) => {
                let mut all = first.take_metric();
                all.append(&mut family.take_metric());
                first.set_metric(all);
            }
            None => drop(families.insert(family.name().to_owned(), family)),
        }
    }
    let families: Vec<_> = families.into_values().collect();
    let mut text = Vec::new();
    // A vector takes every byte, and a family without values is written as nothing.
    let _ = TextEncoder::new().encode(&families, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// Where the metrics of one service are kept.
#[derive(Debug)]
pub(crate) struct Registry {
    inner: prometheus::Registry,
    service: Option<&'static str>,
}

impl Registry {
    /// Of a service, or of the process when there is no name.
    pub(crate) fn new(service: Option<&'static str>) -> Self {
        Self {
            inner: prometheus::Registry::new(),
            service,
        }
    }

    pub(crate) fn families(&self) -> Vec<Family> {
        let families = self.inner.gather();
        let filled = families.into_iter();
        filled
            .filter(|family| !family.get_metric().is_empty())
            .collect()
    }

    pub(crate) fn counters(&self, definition: &Definition) -> IntCounterVec {
        let made = IntCounterVec::new(self.options(definition), definition.labels);
        self.keep(made)
    }

    pub(crate) fn counter(&self, definition: &Definition) -> IntCounter {
        self.keep(IntCounter::with_opts(self.options(definition)))
    }

    pub(crate) fn gauges(&self, definition: &Definition) -> IntGaugeVec {
        let made = IntGaugeVec::new(self.options(definition), definition.labels);
        self.keep(made)
    }

    pub(crate) fn gauge(&self, definition: &Definition) -> IntGauge {
        self.keep(IntGauge::with_opts(self.options(definition)))
    }

    pub(crate) fn histograms(&self, definition: &Definition) -> HistogramVec {
        let Kind::Histogram(buckets) = definition.kind else {
            unreachable!("{} is no histogram", definition.name);
        };
        let options = HistogramOpts::from(self.options(definition)).buckets(buckets.to_vec());
        self.keep(HistogramVec::new(options, definition.labels))
    }

    /// A counter that is told somewhere else, in seconds.
    pub(crate) fn seconds(&self, definition: &Definition) -> Told {
        let counter = prometheus::Counter::with_opts(self.options(definition));
        Told(Mutex::new(self.keep(counter)))
    }

    fn options(&self, definition: &Definition) -> Opts {
        let options = Opts::new(definition.name, definition.help);
        match self.service {
            Some(service) => options.const_label("service", service),
            None => options,
        }
    }

    fn keep<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let made = made.expect("the definitions are well-formed");
        self.inner
            .register(Box::new(made.clone()))
            .expect("each definition is used once");
        made
    }
}

/// A counter whose value somebody else keeps; it is caught up when it is read.
#[derive(Debug)]
pub(crate) struct Told(Mutex<prometheus::Counter>);

impl Told {
    /// Takes over the value, unless it is smaller than the one before.
    pub(crate) fn set(&self, value: f64) {
        let counter = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let more = value - counter.get();
        if more > 0.0 {
            counter.inc_by(more);
        }
    }
}
