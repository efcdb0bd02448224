//! Nodes are killed and the database is stopped under a mixed load, and a model
//! in memory predicts every answer.
//!
//! `PICARD_TEST_CHAOS_SECONDS` says for how long, `PICARD_TEST_CHAOS_SEED`
//! with which dice: the same harm and the same wishes, though the moments at
//! which they meet are the machine's. With `--nocapture` it says in numbers
//! what happened.

mod actor;
mod dice;
mod model;
mod world;

use std::{
    collections::BTreeMap,
    fs,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use picard_testkit::{Cluster, cluster::Stop};
use picard_tests::{
    nodes::{Node, PASSWORD, Shared, register_at},
    visitor::Visitor,
};
use serde_json::Value;

use self::{actor::Actor, dice::Dice, world::World};

/// How many people there are, and how many writers each of them has.
const PEOPLE: usize = 4;
const WRITERS: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_are_killed_and_lose_their_database_give_no_wrong_answer() {
    survive(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_that_are_killed_and_lose_their_database_give_no_wrong_answer() {
    survive(3).await;
}

/// A number from the environment.
fn told(name: &str) -> Option<u64> {
    let text = std::env::var_os(name)?.into_string().ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number")),
    )
}

#[expect(clippy::print_stdout, reason = "the numbers are what one runs it for")]
async fn survive(count: usize) {
    let seconds = told("PICARD_TEST_CHAOS_SECONDS").unwrap_or(12);
    let seed = told("PICARD_TEST_CHAOS_SEED");
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(count) >> 32);
    println!("{count} nodes for {seconds} s: PICARD_TEST_CHAOS_SEED={seed}");
    let mut dice = Dice::new(seed);
    let cluster = Arc::new(Cluster::running());
    let shared = Shared::on(cluster.create_database("chaos"));
    // The first one makes the keyring.
    let mut nodes = vec![shared.begin("node-0").ready()];
    nodes.extend((1..count).map(|n| shared.begin(&name(n)).ready()));
    let world = World::new(shared, PEOPLE, count);
    for (n, node) in nodes.iter().enumerate() {
        world.up(n, &node.base);
    }
    let world = Arc::new(world);
    let actors = cast(&world, &nodes[0].base, &mut dice).await;
    let load: Vec<_> = actors
        .into_iter()
        .map(|actor| tokio::spawn(actor.work()))
        .collect();
    let harm = {
        let (world, cluster) = (world.clone(), cluster.clone());
        let dice = dice.fork();
        move || harm(&world, &cluster, nodes, dice, Duration::from_secs(seconds))
    };
    let nodes = tokio::task::spawn_blocking(harm).await;
    let nodes = nodes.expect("every node starts again");
    let mut actors = Vec::new();
    for actor in load {
        actors.push(actor.await.expect("nobody gives up"));
    }
    // Now that all is calm, every node shows everybody the same, to the letter.
    for actor in actors.iter_mut().step_by(WRITERS) {
        for node in 0..count {
            for whose in 0..PEOPLE {
                for way in 0..4 {
                    // As long as a database that was away may still be felt.
                    let mut asked = Instant::now();
                    while !actor.ask(node, whose, way).await {
                        assert!(world.may_fail(asked, asked), "all nodes are up");
                        asked = Instant::now();
                    }
                }
            }
        }
    }
    println!("{}", world.summary());
    let complaints = complaints(&nodes);
    for (complaint, times) in &complaints {
        println!("in the logs, {times} times: {complaint}");
    }
    let wrongs = world.wrongs();
    assert!(
        wrongs.is_empty(),
        "PICARD_TEST_CHAOS_SEED={seed}: {} wrong answers\n{}",
        wrongs.len(),
        wrongs.join("\n")
    );
    assert!(
        complaints.keys().all(|said| !said.contains("ERROR")),
        "{complaints:?}"
    );
    world.assert_eventful();
}

fn name(node: usize) -> String {
    format!("node-{node}")
}

/// Makes the people, and connects their writers.
async fn cast(world: &Arc<World>, base: &str, dice: &mut Dice) -> Vec<Actor> {
    let application = register_at(base).await;
    let handles: Vec<_> = (0..PEOPLE).map(|who| format!("person-{who}")).collect();
    let handles = Arc::new(handles);
    let mut actors = Vec::new();
    for (who, handle) in handles.iter().enumerate() {
        let mut person = Visitor::new(base);
        person.sign_up(handle, PASSWORD).await;
        for writer in 0..WRITERS {
            let tokens = application.connect(&mut person).await;
            actors.push(Actor::new(
                world.clone(),
                who,
                format!("p{who}w{writer}"),
                handles.clone(),
                (application.clone(), tokens),
                dice.fork(),
            ));
        }
    }
    actors
}

/// Kills nodes and starts them again, stops the database and starts it again, until the
/// time is over. Then everything is up, and the load ends.
fn harm(
    world: &World,
    cluster: &Cluster,
    nodes: Vec<Node>,
    mut dice: Dice,
    duration: Duration,
) -> Vec<Node> {
    let mut nodes: Vec<_> = nodes.into_iter().map(Some).collect();
    let end = Instant::now() + duration;
    let mut rounds = 0..;
    while let Some(round) = rounds.next().filter(|_| Instant::now() < end)
        && !world.is_stopping()
    {
        pause(&mut dice, 100..900);
        let victim = dice.below(nodes.len());
        match round % 4 {
            1 => {
                let how = if round % 8 == 1 {
                    Stop::Immediate
                } else {
                    Stop::Fast
                };
                let with_it = dice.once_in(2).then_some(victim);
                let mut begun = None;
                world.without_database(
                    || cluster.stop(how),
                    || {
                        pause(&mut dice, 200..1_200);
                        // A node that starts meanwhile waits for the database.
                        begun = with_it.map(|n| {
                            kill(world, n, &mut nodes[n]);
                            world.shared.begin(&name(n))
                        });
                        pause(&mut dice, 0..1_200);
                    },
                    || cluster.start(),
                );
                if let Some((n, node)) = with_it.zip(begun) {
                    nodes[n] = Some(greet(world, n, node));
                }
            }
            3 if dice.once_in(4) => {
                for (n, node) in nodes.iter_mut().enumerate() {
                    kill(world, n, node);
                }
                let begun: Vec<_> = (0..nodes.len())
                    .map(|n| world.shared.begin(&name(n)))
                    .collect();
                for (n, node) in begun.into_iter().enumerate() {
                    nodes[n] = Some(greet(world, n, node));
                }
            }
            _ => {
                kill(world, victim, &mut nodes[victim]);
                pause(&mut dice, 0..500);
                nodes[victim] = Some(greet(world, victim, world.shared.begin(&name(victim))));
            }
        }
    }
    world.stop();
    nodes.into_iter().flatten().collect()
}

fn kill(world: &World, n: usize, node: &mut Option<Node>) {
    world.down(n);
    if let Some(node) = node.take() {
        node.kill();
    }
}

fn greet(world: &World, n: usize, node: Node) -> Node {
    let node = node.ready();
    world.up(n, &node.base);
    node
}

/// Lets the load go on for some milliseconds.
fn pause(dice: &mut Dice, millis: std::ops::Range<usize>) {
    let millis = millis.start + dice.below(millis.end - millis.start);
    std::thread::sleep(Duration::from_millis(millis as u64));
}

/// What the nodes' logs say above information, and how often.
fn complaints(nodes: &[Node]) -> BTreeMap<String, usize> {
    let mut said = BTreeMap::new();
    for node in nodes {
        let log = fs::read_to_string(&node.log).expect("a log");
        for line in log.lines() {
            let entry: Value = serde_json::from_str(line).unwrap_or_default();
            let what = match entry["level"].as_str() {
                Some("INFO" | "DEBUG" | "TRACE") => continue,
                Some(level) => {
                    let field = |name: &str| entry[name].as_str().unwrap_or_default();
                    let cause = [field("cause"), field("error")].concat();
                    format!("{level} {} {cause}", field("message"))
                }
                // Not written by the logger: a panic, or a plain message at the start.
                None => format!("plain: {line}"),
            };
            *said.entry(what).or_insert(0) += 1;
        }
    }
    said
}
