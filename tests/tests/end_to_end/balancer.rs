//! A real HAProxy in front of two nodes, as `tuning/haproxy.cfg` sets it up.

use crate::common::{PATIENCE, RETRY_SOON, route};
use crate::load::{Load, Sink, told};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use tests::haproxy::HaProxy;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::{http, port, tool, wait};

/// Where HAProxy connects from: an address that may not relay.
const BALANCER: &str = "127.0.0.9";

/// A node, and where it answers agent checks.
struct Node {
    ringpost: Ringpost,
    agent: SocketAddr,
}

impl Node {
    fn start(folder: &Path, sink: SocketAddr) -> io::Result<Self> {
        let agent = port::free()?;
        let listener_settings =
            format!("proxy = \"v2\"\nproxy_from = [\"{BALANCER}\"]\nrelay_from = [\"127.0.0.1\"]");
        let outfit = Outfit { listener_settings, shards: Some(2), ..Outfit::default() };
        let settings = format!(
            "{}{RETRY_SOON}[agent]\naddress = \"{agent}\"\n[drain]\ndelay = \"3s\"\n",
            route("*", sink)
        );
        Ok(Self { ringpost: Ringpost::start_as(outfit, folder, &settings)?, agent })
    }

    /// Its line in HAProxy's configuration.
    fn line(&self, name: &str) -> String {
        let (smtp, agent) = (self.ringpost.smtp(), self.agent.port());
        format!("    server {name} {smtp} agent-port {agent} source {BALANCER}")
    }
}

/// The example, with this place and these nodes in place of its own.
fn configuration(front: SocketAddr, nodes: &[Node; 2]) -> io::Result<String> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tuning/haproxy.cfg");
    let example = fs::read_to_string(example)?;
    let lines = example.lines().map(|line| match line.trim() {
        "bind :25" => format!("    bind {front}"),
        line if line.starts_with("server one ") => nodes[0].line("one"),
        line if line.starts_with("server two ") => nodes[1].line("two"),
        _ => line.to_owned(),
    });
    Ok(lines.collect::<Vec<_>>().join("\n") + "\n")
}

#[test]
fn a_node_drained_under_load_costs_no_client_a_connection() -> io::Result<()> {
    if !tool::all_there(&["haproxy"]) {
        return Ok(());
    }
    let scratch = Scratch::new("balancer")?;
    let sink = Sink::start(scratch.path(), 0.1)?;
    let node = |name| Node::start(&scratch.path().join(name), sink.address());
    let mut nodes = [node("one")?, node("two")?];
    let front = port::free()?;
    let haproxy = HaProxy::start(&scratch.path().join("haproxy"), &configuration(front, &nodes)?)?;
    for name in ["one", "two"] {
        haproxy.wait_for("ringpost", name, "UP", PATIENCE)?;
    }
    let load = Load::start_short(scratch.path(), front, 300.0)?;
    for (name, node) in ["one", "two"].into_iter().zip(&mut nodes) {
        load.wait_for(300)?;
        node.ringpost.terminate()?;
        let (status, why) = wait::until("an answer", PATIENCE, || {
            http::get(node.ringpost.admin(), "/readyz").ok().filter(|(status, _)| *status != 200)
        })?;
        assert_eq!((status, why.trim()), (503, "draining: no new mail is taken"));
        haproxy.wait_for("ringpost", name, "DRAIN", PATIENCE)?;
        let ended = wait::until("its end", PATIENCE, || node.ringpost.ended())?;
        assert!(ended.success(), "{ended}: {}", node.ringpost.said());
        load.wait_for(300)?;
        node.ringpost.restart()?;
        haproxy.wait_for("ringpost", name, "UP", PATIENCE)?;
    }
    load.wait_for(300)?;
    assert_eq!(load.dials_failed(), 0, "connections refused");
    let all = haproxy.standing("ringpost", "BACKEND")?;
    assert_eq!((all["econ"].as_str(), all["wredis"].as_str()), ("0", "0"), "{all:?}");
    let [one, two] = &nodes;
    for node in &nodes {
        assert!(node.ringpost.metric("ringpost_accepted_messages_total")? > 50.0);
        // One that has just come back may not have been looked at yet.
        wait::until("a health check", PATIENCE, || {
            let probes = node.ringpost.metric("ringpost_balancer_probes_total").ok()?;
            (probes > 0.0).then_some(())
        })?;
        for fault in ["ringpost_proxy_faults_total", "ringpost_proxy_strangers_total"] {
            assert!(node.ringpost.metric(fault)? < 1.0, "{fault}");
        }
    }
    let (_, proof) = load.prove_and_tell(&[&one.ringpost, &two.ringpost], sink, 0)?;
    assert!(proof.holds && proof.missing == 0 && proof.duplicates == 0, "{}", told(&proof));
    Ok(())
}
