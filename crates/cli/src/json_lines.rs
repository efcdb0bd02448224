//! A line of the log as one JSON object: when, how bad, from where, what, and
//! beside that everything that the event and the request around it say, by name.
//!
//! The fields of a request (`request_id`, `method`, `route`, `status`, `tool`)
//! stand on the same level as those of the event, so that whoever reads the
//! lines asks for `request_id` whatever the line is about.

use std::fmt;

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

/// Writes events as JSON. It reads what `JsonFields` kept of the spans.
pub(crate) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let metadata = event.metadata();
        let mut line = Line::default();
        line.put("timestamp", timestamp.into());
        line.put("level", metadata.level().as_str().into());
        line.put("target", metadata.target().into());
        event.record(&mut line);
        for span in context
            .event_scope()
            .into_iter()
            .flat_map(tracing_subscriber::registry::Scope::from_root)
        {
            let extensions = span.extensions();
            let kept = extensions.get::<FormattedFields<N>>();
            let kept = kept.and_then(|kept| serde_json::from_str::<Map<_, _>>(kept).ok());
            for (name, value) in kept.into_iter().flatten() {
                line.put(&name, value);
            }
        }
        writeln!(writer, "{{{}}}", line.members.join(","))
    }
}

/// The members of the object, as they are written; a name that is there stays.
#[derive(Default)]
struct Line {
    names: Vec<String>,
    members: Vec<String>,
}

impl Line {
    fn put(&mut self, name: &str, value: Value) {
        if !self.names.iter().any(|known| known == name) {
            self.members.push(format!("{}:{value}", Value::from(name)));
            self.names.push(name.to_owned());
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::{
        fmt::{self, format::JsonFields},
        layer::SubscriberExt as _,
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_and_the_spans_around_it_are_one_flat_object() {
        let lines = Lines::default();
        let written = lines.clone();
        let layer = fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines)
            .with_writer(move || written.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let outer = tracing::error_span!("outer", id = "a", tool = tracing::field::Empty);
            let _outer = outer.enter();
            outer.record("tool", "fetch");
            let _inner = tracing::error_span!("inner", id = "b", n = 7).entered();
            tracing::info!(x = true, n = 8, "with \"quotes\"\nand a second line");
        });
        let text = lines.0.lock().expect("no panic").clone();
        let text = String::from_utf8(text).expect("UTF-8");
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).expect("JSON");
        for (name, value) in [
            ("level", Value::from("INFO")),
            ("message", "with \"quotes\"\nand a second line".into()),
            ("id", "a".into()),
            ("tool", "fetch".into()),
            ("n", 8.into()),
            ("x", true.into()),
        ] {
            assert_eq!(line[name], value, "{name} in {text}");
        }
        assert!(text.starts_with("{\"timestamp\":\"20"), "{text}");
        assert!(
            line["target"]
                .as_str()
                .expect("a target")
                .contains("json_lines"),
            "{text}"
        );
    }
}
