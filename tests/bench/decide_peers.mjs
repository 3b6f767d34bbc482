// SPDX-License-Identifier: Apache-2.0
// The peers of bench_decide.py: node decide_peers.mjs FOLDER ENGINE, where FOLDER has node_modules,
// requests.ndjson, policy.cedar and, for opa, policy.wasm. Prints {"decision_ns", "load_ms"} and
// writes a letter for each verdict to FOLDER/ENGINE.verdicts.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, engine] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const requests = readFileSync(join(folder, "requests.ndjson"), "utf8").trim().split("\n")
    .map((line) => JSON.parse(line));
const cpuNs = () => {
    const used = process.cpuUsage();
    return (used.user + used.system) * 1e3;
};

function cedar() {
    const wasm = require("@cedar-policy/cedar-wasm/nodejs");
    const parsed = wasm.preparsePolicySet("bench",
        { staticPolicies: readFileSync(join(folder, "policy.cedar"), "utf8") });
    if (parsed.type !== "success")
        throw new Error(JSON.stringify(parsed));
    const of = (type) => ({ type, id: "x" });
    return (context) => {
        const answer = wasm.statefulIsAuthorized({
            principal: of("Zone"), action: of("Action"), resource: of("Dataset"), context,
            preparsedPolicySetId: "bench", entities: [] });
        if (answer.type !== "success" || answer.response.diagnostics.errors.length > 0)
            throw new Error(JSON.stringify(answer));
        return answer.response.decision === "allow";
    };
}

async function opa() {
    const { loadPolicy } = require("@open-policy-agent/opa-wasm");
    const policy = await loadPolicy(readFileSync(join(folder, "policy.wasm")));
    return (input) => policy.evaluate(input)[0].result === true;
}

const begin = cpuNs();
const decide = engine === "cedar" ? cedar() : await opa();
const loaded = cpuNs();
let verdicts = "";
const contexts = requests.map(({ labels, ...rest }) => ({ ...rest, label: labels[0] }));
for (const context of contexts)
    verdicts += decide(context) ? "a" : "d";
writeFileSync(join(folder, `${engine}.verdicts`), verdicts);
const rounds = [];
for (let round = 0; round < 3; round++) {
    const from = cpuNs();
    for (const context of contexts.slice(0, 4000))
        decide(context);
    rounds.push((cpuNs() - from) / Math.min(4000, contexts.length));
}
rounds.sort((a, b) => a - b);
console.log(JSON.stringify({ decision_ns: Math.round(rounds[1]),
    load_ms: Math.round((loaded - begin) / 1e4) / 100 }));
