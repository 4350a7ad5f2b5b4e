/** Errors that are sentences for the user. */

/** Something that was wrong on the page itself. */
export class UserError extends Error {}

/** The server's own sentence about a request that it refused. */
export class RefusedError extends UserError {
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

/** There was no answer. */
export class AwayError extends UserError {
  constructor() {
    super("The studio's server does not answer; nothing is lost, and it goes on when the server is back.");
  }
}

/** Whether a refusal would only come again: not one of a server that is busy or has failed. */
export const isFinal = (error) => error.status === 404 || error.status === 422;
