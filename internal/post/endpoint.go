package post

import (
	"errors"
	"net/url"
	"strings"
)

// parseEndpoint joins the URL of a server and the path of its endpoint, of
// which the URL may have the beginning already: with the path /v1/embeddings,
// http://host, http://host/v1 and http://host/v1/embeddings are the same. The
// errors of package url repeat passwords, so they are not passed on.
func parseEndpoint(server, path string) (*url.URL, error) {
	u, err := url.Parse(server)
	switch {
	case err != nil:
		return nil, errors.New("the server's URL does not parse")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the server's URL must begin with http:// or https://")
	case u.Host == "":
		return nil, errors.New("the server's URL has no host")
	}
	base, rest := strings.TrimRight(u.Path, "/"), path
	for i := len(path); i > 0; i = strings.LastIndexByte(path[:i], '/') {
		if strings.HasSuffix(base, path[:i]) {
			rest = path[i:]
			break
		}
	}
	u.Path, u.RawPath = base, ""
	u.Fragment, u.RawFragment = "", ""
	return u.JoinPath(rest), nil
}

// Show is a URL without user, query and fragment.
func Show(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "unreadable URL"
	}
	return show(u)
}

func show(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return shown.String()
}

// secretsOf collects what may not be repeated in a message: the key, and the
// password and the longer query values of the URL.
func secretsOf(key string, u *url.URL) []string {
	var secrets []string
	if key != "" {
		secrets = append(secrets, key)
	}
	if password, _ := u.User.Password(); password != "" {
		secrets = append(secrets, password)
	}
	for _, values := range u.Query() {
		for _, value := range values {
			if len(value) >= 6 {
				secrets = append(secrets, value)
			}
		}
	}
	return secrets
}
