#!/usr/bin/env node
// Old syntax on purpose: this file must parse on any Node, so that an old one is told what to do instead of failing on a token.
"use strict";
var fs = require("fs");
var path = require("path");

var root = path.join(__dirname, "..");

/** `engines.node` in words: 24.15 and later of 24, or 26 and later. */
function enough(version) {
  var parts = version.split(".");
  var major = Number(parts[0]);
  return major >= 26 || (major === 24 && Number(parts[1]) >= 15);
}

/** The Node that `npm ci` installs beside Pawl, if it is there and new enough. */
function ownNode() {
  try {
    var file = fs.realpathSync(path.join(root, "node_modules", ".bin", process.platform === "win32" ? "node.exe" : "node"));
    return enough(JSON.parse(fs.readFileSync(path.join(root, "node_modules", "node", "package.json"), "utf8")).version) ? file : null;
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    return null;
  }
}

function handOver(file) {
  var child = require("child_process").spawn(file, [__filename].concat(process.argv.slice(2)), { stdio: "inherit" });
  ["SIGINT", "SIGTERM", "SIGHUP"].forEach(function (signal) {
    process.on(signal, function () {
      // A terminal has already sent Ctrl-C to the whole group; a second one would cut an orderly stop short.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  });
  child.on("error", function (error) {
    refuse("could not start " + file + ": " + error.message);
  });
  child.on("exit", function (code, signal) {
    if (!signal) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function refuse(found) {
  var lines = [
    "pawl: " + found,
    "  needed: Node 24.15 or later of 24, or Node 26 or later",
    "  remedy: run `npm ci` in " + root + ", which brings its own Node, or install a newer Node",
  ];
  process.stderr.write(lines.join("\n") + "\n");
  process.exit(2);
}

function start() {
  // The cache stays inside the package: one in a shared temporary folder could be filled by another user.
  require("module").enableCompileCache(path.join(root, "node_modules", ".cache", "pawl"));
  import(require("url").pathToFileURL(path.join(root, "src", "cli", "main.ts")).href).catch(function (error) {
    process.stderr.write("pawl: could not load the command line: " + ((error && error.stack) || error) + "\n");
    process.exit(2);
  });
}

if (enough(process.versions.node)) start();
else {
  var own = ownNode();
  if (own) handOver(own);
  else refuse("this is Node " + process.versions.node + " (" + process.execPath + ")");
}
