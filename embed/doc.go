// Package embed turns texts into unit vectors, or reads vectors given.
package embed
