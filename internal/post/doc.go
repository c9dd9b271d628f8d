// Package post asks a server that takes JSON and answers with JSON, over HTTP:
// with retries, bounded answers, and errors of one line that repeat no secret.
//
// A question is posted to one endpoint. It is asked again where that may help:
// after a lost connection, a timeout, and the statuses 408, 425, 429 and 5xx.
// The wait doubles from half a second, ± 50 %, and is as long as the server's
// Retry-After asks for, up to a minute. Redirects are not followed: they would
// send texts and key to where nobody asked for.
package post
