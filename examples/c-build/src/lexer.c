#include "lexer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct lexer lexer_of(const char *line)
{
    return (struct lexer){line};
}

struct token lexer_take(struct lexer *lexer)
{
    while (isspace((unsigned char)*lexer->next))
        lexer->next++;

    const char *start = lexer->next;
    struct token token = {TOKEN_END, start, 0, 0};
    if (*start == '\0')
        return token;

    if (isdigit((unsigned char)*start) || *start == '.') {
        char *end;
        token.number = strtod(start, &end);
        token.kind = end == start ? TOKEN_WRONG : TOKEN_NUMBER;
        lexer->next = end == start ? start + 1 : end;
    } else if (isalpha((unsigned char)*start)) {
        while (isalnum((unsigned char)*lexer->next))
            lexer->next++;
        token.kind = TOKEN_NAME;
    } else {
        token.kind = strchr("+-*/%^(),=", *start) ? TOKEN_SYMBOL : TOKEN_WRONG;
        lexer->next++;
    }
    token.length = (size_t)(lexer->next - start);
    return token;
}
