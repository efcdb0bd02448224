//! The same question through both surfaces: `POST /api/tools`, and `tools/call`
//! over `/mcp`. The same HTTP client, the same connections, the same token, the
//! same people, in turns, so that whatever else the machine does meets both.

use anyhow::{Context as _, ensure};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::{
    measure::{Run, Work, measure},
    person::Person,
    texts::Texts,
};

/// How often the surfaces take turns.
const TURNS: u32 = 10;

/// Which way a call goes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Surface {
    /// `POST /api/tools`.
    Tools,
    /// `tools/call` over `/mcp`, in the era of 2026-07-28.
    Mcp,
}

/// Which questions are asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Questions {
    /// So many, again and again, so that no embedding hides what the surfaces cost.
    Repeated(u32),
    /// Each one new, as people ask: from this number on.
    Fresh(u32),
}

impl Questions {
    fn number(self, n: u32, round: u32) -> u32 {
        match self {
            Self::Repeated(most) => n % most,
            Self::Fresh(start) => start + round * 100_000 + n,
        }
    }
}

/// A comparison of the two.
pub(crate) struct Comparison {
    /// Through `/api/tools`.
    pub(crate) tools: Run,
    /// Through `/mcp`.
    pub(crate) mcp: Run,
}

impl Comparison {
    /// Returns how many times as long a call takes through `/mcp`: the ratio of
    /// the medians.
    pub(crate) fn ratio(&self) -> f64 {
        self.mcp.within_ms(0.5) / self.tools.within_ms(0.5)
    }
}

/// Both ways in, with one HTTP client.
pub(crate) struct Surfaces {
    http: reqwest::Client,
    base: String,
    people: &'static [Person],
}

impl Surfaces {
    pub(crate) fn new(base: &str, people: &'static [Person]) -> anyhow::Result<Self> {
        Ok(Self {
            http: crate::person::http()?,
            base: base.to_owned(),
            people,
        })
    }

    /// Has the surfaces answer in turns, after a first round that nobody counts.
    pub(crate) async fn compare(
        &'static self,
        texts: Texts,
        questions: Questions,
        work: Work,
    ) -> anyhow::Result<Comparison> {
        let turn = Work {
            calls: work.calls.div_ceil(TURNS),
            ..work
        };
        let run = |surface, round| {
            measure(turn, move |n| {
                self.ask(surface, n, texts.question(questions.number(n, round)))
            })
        };
        let (first, second) = (Surface::Tools, Surface::Mcp);
        run(first, 0).await?;
        run(second, 1).await?;
        let mut tools = run(first, 2).await?;
        let mut mcp = run(second, 3).await?;
        for n in 1..TURNS {
            // Who comes second finds the caches warm, so that changes, too.
            let (tools_round, mcp_round) = (2 + 2 * n, 3 + 2 * n);
            if n % 2 == 0 {
                tools.join(run(first, tools_round).await?);
                mcp.join(run(second, mcp_round).await?);
            } else {
                mcp.join(run(second, mcp_round).await?);
                tools.join(run(first, tools_round).await?);
            }
        }
        Ok(Comparison { tools, mcp })
    }

    async fn ask(&self, surface: Surface, n: u32, question: String) -> anyhow::Result<()> {
        let person = &self.people[n as usize % self.people.len()];
        let arguments = json!({"query": question});
        let request = match surface {
            Surface::Tools => self.tools(&arguments),
            Surface::Mcp => self.mcp(n, &arguments),
        };
        let answer = request.bearer_auth(person.access.expose()).send().await?;
        let status = answer.status();
        let answer: Value = answer.json().await.context("the answer is no JSON")?;
        let hits = match surface {
            Surface::Tools => &answer["memories"],
            Surface::Mcp => &answer["result"]["structuredContent"]["memories"],
        };
        let found = hits.as_array().is_some_and(|hits| !hits.is_empty());
        ensure!(
            status.is_success() && found,
            "{surface:?}: {status} {answer}"
        );
        Ok(())
    }

    fn tools(&self, arguments: &Value) -> RequestBuilder {
        self.http
            .post(format!("{}/api/tools", self.base))
            .json(&json!({"tool": "query_memory", "data": arguments}))
    }

    fn mcp(&self, n: u32, arguments: &Value) -> RequestBuilder {
        const VERSION: &str = "2026-07-28";
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": VERSION,
            "io.modelcontextprotocol/clientInfo": {"name": "picard-load", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let params = json!({"_meta": meta, "name": "query_memory", "arguments": arguments});
        self.http
            .post(format!("{}/mcp", self.base))
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", VERSION)
            .header("mcp-method", "tools/call")
            .header("mcp-name", "query_memory")
            .json(&json!({"jsonrpc": "2.0", "id": n, "method": "tools/call", "params": params}))
    }
}
