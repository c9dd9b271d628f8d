package featureindex

func scatterGeneric(acc *[span]uint16, pieces []piece) {
	for i := range pieces {
		p := &pieces[i]
		impacts, w := p.impacts[:len(p.docs)], uint32(p.weight)
		for j, d := range p.docs {
			acc[d] += uint16(uint32(impacts[j])*w>>8) + 1
		}
	}
}

func tallyGeneric(acc *[span]uint8, pieces []piece) {
	for i := range pieces {
		docs := pieces[i].docs
		for len(docs) >= 4 {
			d := (*[4]uint16)(docs)
			acc[d[0]]++
			acc[d[1]]++
			acc[d[2]]++
			acc[d[3]]++
			docs = docs[4:]
		}
		for _, d := range docs {
			acc[d]++
		}
	}
}

func scanGeneric[T uint8 | uint16](counters []T, limit, fill T, found []uint32) int {
	n := 0
	for base := 0; base+8 <= len(counters); base += 8 {
		c := (*[8]T)(counters[base:])
		if max(c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]) > limit {
			for i, x := range c {
				if x > limit {
					found[n] = uint32(x)<<16 | uint32(base+i)
					n++
				}
			}
		}
		*c = [8]T{fill, fill, fill, fill, fill, fill, fill, fill}
	}
	return n
}

func dotRowsGeneric(q []int16, rows []int8, sums []int32) {
	for r := range sums {
		row := rows[r*len(q):][:len(q)]
		var a, b, c, d int32
		for i := 0; i+4 <= len(q); i += 4 {
			x, y := (*[4]int16)(q[i:]), (*[4]int8)(row[i:])
			a += int32(x[0]) * int32(y[0])
			b += int32(x[1]) * int32(y[1])
			c += int32(x[2]) * int32(y[2])
			d += int32(x[3]) * int32(y[3])
		}
		sums[r] = a + b + c + d
	}
}
