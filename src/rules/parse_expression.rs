//! Teenybase's expression language, whole: operators by precedence, literals, functions, the objects `auth`, `request`,
//! `params`, `new`, and aliases. What a rule, a `where` or a `select` may use of it is decided where it is compiled.

use super::parse_sql::{json_step, minus};
use super::syntax::{
    Expression, Kind, Literal, MOST_DEPTH, MOST_TOKENS, Operator, Path, Position, Problem, Root, Spelled, check_size,
};
use crate::error::nearest;
use crate::request::Comparison;

type Parsed = Result<Expression, Problem>;

/// Properties of `auth`, and the session variable that each is.
const AUTH: &[(&str, &str)] = &[
    ("uid", "id"),
    ("sid", "sid"),
    ("email", "email"),
    ("role", "role"),
    ("verified", "verified"),
    ("admin", "admin"),
    ("superadmin", "superadmin"),
];

/// Parses an expression that begins at a place of a longer text.
///
/// # Errors
/// What is wrong, with line and column.
pub(super) fn parse_expression(text: &str, start: Position) -> Parsed {
    check_size(text)?;
    let tokens = tokenize(text, start)?;
    let mut parser = Parser {
        tokens,
        index: 0,
        depth: 0,
    };
    let expression = parser.binary(0)?;
    match parser.peek() {
        Token::End => Ok(expression),
        other => Err(Problem::new(
            parser.at(),
            format!(
                "the expression should end before {}; join conditions with & or |",
                other.describe()
            ),
        )),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Number(String),
    Sign(&'static str),
    End,
}

impl Token {
    fn describe(&self) -> String {
        match self {
            Token::Name(name) | Token::Number(name) => format!("{name:?}"),
            Token::Text(_) => "a text".into(),
            Token::Sign(sign) => format!("{sign:?}"),
            Token::End => "the end".into(),
        }
    }
}

/// Longest first.
const SIGNS: &[&str] = &[
    "->>", "->", "==", "!=", "!~", "<=", ">=", "=>", "@@", "&&", "||", "=", "<", ">", "+", "-", "*", "/", "~", "|",
    "&", "!", "(", ")", ",", ".",
];

fn tokenize(text: &str, start: Position) -> Result<Vec<(Token, Position)>, Problem> {
    let mut tokens = Vec::new();
    let mut at = start;
    let mut rest = text;
    let advance = |at: &mut Position, taken: &str| {
        for character in taken.chars() {
            if character == '\n' {
                at.line += 1;
                at.column = 1;
            } else {
                at.column += 1;
            }
        }
    };
    while let Some(first) = rest.chars().next() {
        let begin = at;
        let (token, length) = if first.is_whitespace() {
            (None, first.len_utf8())
        } else if first == '\'' || first == '"' {
            let (content, length) = quoted(rest, first).ok_or_else(|| {
                Problem::new(
                    begin,
                    "the text has no end; close it with the same quote (a quote within is doubled)",
                )
            })?;
            (Some(Token::Text(content)), length)
        } else if first.is_ascii_digit() {
            let length = number_length(rest);
            (Some(Token::Number(rest[..length].into())), length)
        } else if first.is_alphabetic() || first == '_' {
            let length = rest
                .find(|character: char| !character.is_alphanumeric() && character != '_')
                .unwrap_or(rest.len());
            (Some(Token::Name(rest[..length].into())), length)
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Some(Token::Sign(sign)), sign.len())
        } else if rest.starts_with("@now") {
            (Some(Token::Name("@now".into())), 4)
        } else {
            return Err(Problem::new(
                begin,
                format!("{:?} has no meaning in an expression", first.to_string()),
            ));
        };
        if let Some(token) = token {
            tokens.push((token, begin));
        }
        if tokens.len() > MOST_TOKENS {
            return Err(Problem::new(
                begin,
                format!("an expression has at most {MOST_TOKENS} words and signs"),
            ));
        }
        advance(&mut at, &rest[..length]);
        rest = &rest[length..];
    }
    tokens.push((Token::End, at));
    Ok(tokens)
}

/// The content and the length of a quoted text at the beginning of `rest`.
fn quoted(rest: &str, quote: char) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((index, character)) = characters.next() {
        if character != quote {
            content.push(character);
        } else if characters.peek().is_some_and(|(_, next)| *next == quote) {
            characters.next();
            content.push(quote);
        } else {
            return Some((content, index + 1));
        }
    }
    None
}

fn number_length(rest: &str) -> usize {
    let digits = |from: usize| {
        rest[from..]
            .find(|character: char| !character.is_ascii_digit())
            .map_or(rest.len(), |length| from + length)
    };
    let mut length = digits(0);
    if rest[length..].starts_with('.') && digits(length + 1) > length + 1 {
        length = digits(length + 1);
    }
    if rest[length..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[length + 1..].starts_with(['+', '-']));
        let end = digits(length + 1 + sign);
        if end > length + 1 + sign {
            length = end;
        }
    }
    length
}

struct Parser {
    tokens: Vec<(Token, Position)>,
    index: usize,
    depth: u16,
}

/// What stands between two operands, and how tightly it binds.
#[derive(Clone, Copy)]
enum Infix {
    Or,
    And,
    Compare(Comparison),
    Search,
    Operator(Operator),
    In,
    Alias,
    Json(bool),
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.index].0
    }

    fn at(&self) -> Position {
        self.tokens[self.index].1
    }

    fn next(&mut self) -> (Token, Position) {
        let token = self.tokens[self.index].clone();
        if self.index + 1 < self.tokens.len() {
            self.index += 1;
        }
        token
    }

    fn take(&mut self, sign: &'static str) -> bool {
        let found = *self.peek() == Token::Sign(sign);
        if found {
            self.next();
        }
        found
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Problem> {
        if self.take(sign) {
            return Ok(());
        }
        Err(Problem::new(
            self.at(),
            format!("expected {sign:?}, found {}", self.peek().describe()),
        ))
    }

    fn infix(&self) -> Result<Option<(u8, Infix)>, Problem> {
        let compare = |power, comparison| Some((power, Infix::Compare(comparison)));
        Ok(match self.peek() {
            Token::Sign(sign) => match *sign {
                "|" => Some((1, Infix::Or)),
                "&" | "&&" => Some((2, Infix::And)),
                "==" => compare(3, Comparison::Same),
                "!=" => compare(3, Comparison::NotSame),
                "=" => compare(3, Comparison::Equal),
                "~" => compare(3, Comparison::ILike),
                "!~" => compare(3, Comparison::NotILike),
                "@@" => Some((3, Infix::Search)),
                "<" => compare(4, Comparison::Less),
                ">" => compare(4, Comparison::Greater),
                "<=" => compare(4, Comparison::LessOrEqual),
                ">=" => compare(4, Comparison::GreaterOrEqual),
                "+" => Some((5, Infix::Operator(Operator::Add))),
                "-" => Some((5, Infix::Operator(Operator::Subtract))),
                "*" => Some((6, Infix::Operator(Operator::Multiply))),
                "/" => Some((6, Infix::Operator(Operator::Divide))),
                "=>" => Some((6, Infix::Alias)),
                "->" => Some((7, Infix::Json(false))),
                "->>" => Some((7, Infix::Json(true))),
                "||" => Some((8, Infix::Operator(Operator::Concatenate))),
                _ => None,
            },
            Token::Name(name) if name.eq_ignore_ascii_case("in") => Some((6, Infix::In)),
            Token::Name(name) if name.eq_ignore_ascii_case("as") => Some((6, Infix::Alias)),
            Token::Name(name) => {
                let sign = [("and", "&"), ("or", "|"), ("like", "~"), ("is", "==")]
                    .iter()
                    .find(|(word, _)| name.eq_ignore_ascii_case(word));
                if let Some((word, sign)) = sign {
                    return Err(Problem::new(
                        self.at(),
                        format!("in an expression {word:?} is written {sign:?}"),
                    ));
                }
                None
            }
            Token::Text(_) | Token::Number(_) | Token::End => None,
        })
    }

    fn deeper(&mut self) -> Result<(), Problem> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(Problem::new(
                self.at(),
                format!("nested too deeply: at most {MOST_DEPTH} levels are allowed"),
            ));
        }
        Ok(())
    }

    /// Operators that bind at least as tightly as `least`, from left to right.
    fn binary(&mut self, least: u8) -> Parsed {
        self.deeper()?;
        let mut left = self.unary()?;
        while let Some((power, infix)) = self.infix()? {
            if power < least.max(1) {
                break;
            }
            self.next();
            let at = left.at;
            let kind = match infix {
                Infix::Or => {
                    let right = self.binary(power + 1)?;
                    match left.kind {
                        Kind::Or(mut parts) => {
                            parts.push(right);
                            Kind::Or(parts)
                        }
                        _ => Kind::Or(vec![left, right]),
                    }
                }
                Infix::And => {
                    let right = self.binary(power + 1)?;
                    match left.kind {
                        Kind::And(mut parts) => {
                            parts.push(right);
                            Kind::And(parts)
                        }
                        _ => Kind::And(vec![left, right]),
                    }
                }
                Infix::Compare(comparison) => {
                    let right = self.binary(power + 1)?;
                    compare(left, comparison, right)
                }
                Infix::Search => Kind::Search(Box::new(left), Box::new(self.binary(power + 1)?)),
                Infix::Operator(operator) => {
                    Kind::Operator(operator, Box::new(left), Box::new(self.binary(power + 1)?))
                }
                Infix::Json(text) => {
                    let right = self.binary(power + 1)?;
                    let step = json_step(&right)?;
                    Kind::Json(Box::new(left), step, text)
                }
                Infix::Alias => match self.next() {
                    (Token::Name(text), at) => Kind::Alias(
                        Box::new(left),
                        Spelled {
                            text,
                            quoted: false,
                            at,
                        },
                    ),
                    (other, at) => {
                        return Err(Problem::new(
                            at,
                            format!("a name should follow, found {}", other.describe()),
                        ));
                    }
                },
                Infix::In => {
                    let items = if self.take("(") {
                        self.list()?
                    } else {
                        vec![self.binary(power + 1)?]
                    };
                    Kind::In(Box::new(left), items, false)
                }
            };
            left = Expression::new(kind, at)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let at = self.at();
        if self.take("!") {
            self.deeper()?;
            let inner = self.unary()?;
            self.depth -= 1;
            return Expression::new(Kind::Not(Box::new(inner)), at);
        }
        if self.take("-") {
            self.deeper()?;
            let inner = self.unary()?;
            self.depth -= 1;
            if let Kind::Literal(Literal::Number(number)) = &inner.kind {
                return Ok(Expression::literal(Literal::Number(minus(number)), at));
            }
            return Expression::new(Kind::Negate(Box::new(inner)), at);
        }
        if self.take("+") {
            self.deeper()?;
            let inner = self.unary()?;
            self.depth -= 1;
            return Ok(inner);
        }
        self.primary()
    }

    /// The items of a list up to its closing bracket.
    fn list(&mut self) -> Result<Vec<Expression>, Problem> {
        let mut items = Vec::new();
        if self.take(")") {
            return Ok(items);
        }
        loop {
            items.push(self.binary(0)?);
            if !self.take(",") {
                self.expect(")")?;
                return Ok(items);
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        let (token, at) = self.next();
        match token {
            Token::Text(text) => Ok(Expression::literal(Literal::Text(text), at)),
            Token::Number(text) => Ok(Expression::literal(Literal::Number(text), at)),
            Token::Sign("(") => {
                let inner = self.binary(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Name(name) => self.name(name, at),
            Token::End => Err(Problem::new(
                at,
                "a value should follow: a column, a text, a number or a bracket",
            )),
            Token::Sign(sign) => Err(Problem::new(at, format!("a value should stand here, found {sign:?}"))),
        }
    }

    fn name(&mut self, name: String, at: Position) -> Parsed {
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            "true" => return Ok(Expression::literal(Literal::Boolean(true), at)),
            "false" => return Ok(Expression::literal(Literal::Boolean(false), at)),
            "null" => return Ok(Expression::literal(Literal::Null, at)),
            "@now" => return Expression::new(Kind::Call(spelled("now", at), Vec::new()), at),
            "not" => return Err(Problem::new(at, "in an expression \"not\" is written \"!\"")),
            _ => {}
        }
        if self.take("(") {
            let arguments = self.list()?;
            return Expression::new(Kind::Call(spelled(&name, at), arguments), at);
        }
        let mut steps = vec![spelled(&name, at)];
        while self.take(".") {
            match self.next() {
                (Token::Name(text), at) => steps.push(Spelled {
                    text,
                    quoted: false,
                    at,
                }),
                (other, at) => {
                    return Err(Problem::new(
                        at,
                        format!("a name should follow the dot, found {}", other.describe()),
                    ));
                }
            }
        }
        let kind = match (name.as_str(), steps.len()) {
            ("auth", 2..) => Kind::Variable(auth(&steps[1..])?),
            ("request" | "params", 2..) => Kind::Foreign(
                steps
                    .iter()
                    .map(|step| step.text.as_str())
                    .collect::<Vec<_>>()
                    .join("."),
            ),
            ("new", 2..) => Kind::Path(Path {
                root: Root::New,
                steps: steps.split_off(1),
            }),
            _ => Kind::Path(Path {
                root: Root::Nearest,
                steps,
            }),
        };
        Expression::new(kind, at)
    }
}

fn spelled(text: &str, at: Position) -> Spelled {
    Spelled {
        text: text.into(),
        quoted: false,
        at,
    }
}

/// `= null` and `== null` test for null.
fn compare(left: Expression, comparison: Comparison, right: Expression) -> Kind {
    let null = Kind::Literal(Literal::Null);
    let tests = match comparison {
        Comparison::Same | Comparison::Equal => Some(true),
        Comparison::NotSame => Some(false),
        _ => None,
    };
    match tests {
        Some(is) if right.kind == null => Kind::IsNull(Box::new(left), is),
        Some(is) if left.kind == null => Kind::IsNull(Box::new(right), is),
        _ => Kind::Compare(Box::new(left), comparison, Box::new(right)),
    }
}

/// `auth.uid`, `auth.meta.x`, `auth.jwt.x`
fn auth(steps: &[Spelled]) -> Result<String, Problem> {
    match steps {
        [object, variable] if object.text == "meta" || object.text == "jwt" => Ok(match variable.text.as_str() {
            "sub" => "id".into(),
            other => other.to_lowercase(),
        }),
        [property] => AUTH
            .iter()
            .find(|(name, _)| *name == property.text)
            .map(|(_, variable)| (*variable).to_owned())
            .ok_or_else(|| {
                let names = AUTH.iter().map(|(name, _)| *name).chain(["meta", "jwt"]);
                let near = nearest(&property.text, names).map_or_else(
                    || "; another claim is auth.jwt.<name>".to_owned(),
                    |near| format!(", did you mean auth.{near}?"),
                );
                Problem::new(
                    property.at,
                    format!("unknown property {:?} of auth{near}", property.text),
                )
            }),
        [first, ..] => Err(Problem::new(
            first.at,
            "write auth.uid, auth.email, auth.role, auth.meta.<name> or auth.jwt.<name>",
        )),
        [] => Err(Problem::new(Position::START, "a property of auth should follow")),
    }
}
