// Loaded before Azurite: when the process that started it is gone, its end of the pipe closes.
process.stdin.resume();
process.stdin.unref?.();
process.stdin.on("end", () => process.kill(process.pid, "SIGTERM"));
