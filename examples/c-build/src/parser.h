/* From a line of text to a tree.
 *
 *   line    = [ name "=" ] sum
 *   sum     = product { ( "+" | "-" ) product }
 *   product = power { ( "*" | "/" | "%" ) power }
 *   power   = [ "-" ] atom [ "^" power ]
 *   atom    = number | name [ "(" [ sum { "," sum } ] ")" ] | "(" sum ")"
 */
#ifndef PARSER_H
#define PARSER_H

#include "tree.h"

/* The tree, or NULL and what is wrong with the line. */
struct tree *parse(const char *line, const char **error);

#endif
