// What is said of a server that does not answer.

const LOCAL = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * @param {string} host of the page's address
 * @param {string} command that starts the server again
 * @returns {{ head: string, remedy: string, command: string, kept: string }}
 */
export function notice(host, command) {
  const kept =
    "Nothing is lost: runs, images and notes are kept, and what was training goes on. " +
    "This page comes back by itself.";
  if (LOCAL.test(host)) {
    return { head: "Latent Explorer has ended.", remedy: "Start it again in a terminal:", command, kept };
  }
  const remedy = "Look whether your network is there; if it is, whoever runs the server must start it again.";
  return { head: `${host} does not answer.`, remedy, command: "", kept };
}
