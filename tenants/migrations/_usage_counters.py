"""SQL of the counters in `Usage`: PostgreSQL keeps them, in the statement that adds or removes rows.

So no way of removing a row can forget them, cascades included, and a transaction that is rolled back takes
its count back with it. Whoever adds locks the shop's counters until it commits, and so sees what it may.
"""

# The counters of one shop; a first row makes them. Of a shop that is being removed they may be gone already.
_ADD = """
CREATE FUNCTION tenants_add_usage(shop uuid, more_galleries bigint, more_products bigint,
                                  more_images bigint, more_bytes bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tenants_usage
       SET galleries = galleries + more_galleries, products = products + more_products,
           images = images + more_images, bytes = bytes + more_bytes
     WHERE tenant_id = shop;
    IF NOT FOUND AND more_galleries + more_products + more_images > 0 THEN
        INSERT INTO tenants_usage AS usage (id, tenant_id, galleries, products, images, bytes)
        VALUES (gen_random_uuid(), shop, more_galleries, more_products, more_images, more_bytes)
        ON CONFLICT (tenant_id) DO UPDATE
           SET galleries = usage.galleries + more_galleries, products = usage.products + more_products,
               images = usage.images + more_images, bytes = usage.bytes + more_bytes;
    END IF;
END $$
"""

# Each statement's rows, shop by shop in one order, so that two statements never wait for each other.
_COUNT = """
CREATE FUNCTION tenants_count_{noun}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    step bigint := CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 1 END;
    counted record;
BEGIN
    FOR counted IN SELECT tenant_id AS shop, count(*) AS n, {bytes}::bigint AS bytes
                     FROM changed GROUP BY tenant_id ORDER BY tenant_id LOOP
        PERFORM tenants_add_usage(counted.shop, {counters});
    END LOOP;
    RETURN NULL;
END $$
"""

_WATCH = """
CREATE TRIGGER count_added AFTER INSERT ON {table}
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tenants_count_{noun}();
CREATE TRIGGER count_removed AFTER DELETE ON {table}
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tenants_count_{noun}()
"""

_RESIZE = """
CREATE FUNCTION tenants_count_resized() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tenants_add_usage(NEW.tenant_id, 0, 0, 0, NEW.size - OLD.size);
    RETURN NULL;
END $$
"""

_WATCH_SIZE = """
CREATE TRIGGER count_resized AFTER UPDATE OF size ON {table} FOR EACH ROW
WHEN (OLD.size IS DISTINCT FROM NEW.size) EXECUTE FUNCTION tenants_count_resized()
"""

# What shops have had before there were counters.
_COUNT_ALL = """
INSERT INTO tenants_usage (id, tenant_id, galleries, products, images, bytes)
SELECT gen_random_uuid(), id,
       (SELECT count(*) FROM tenants_gallery WHERE tenant_id = t.id),
       (SELECT count(*) FROM tenants_product WHERE tenant_id = t.id),
       (SELECT count(*) FROM tenants_referenceimage WHERE tenant_id = t.id)
       + (SELECT count(*) FROM tenants_exemplar WHERE tenant_id = t.id),
       (SELECT coalesce(sum(size), 0) FROM tenants_referenceimage WHERE tenant_id = t.id)
       + (SELECT coalesce(sum(size), 0) FROM tenants_exemplar WHERE tenant_id = t.id)
  FROM tenants_tenant t
"""

_COUNTERS = {
    "galleries": ("0", "step * counted.n, 0, 0, 0"),
    "products": ("0", "0, step * counted.n, 0, 0"),
    "photos": ("sum(size)", "0, 0, step * counted.n, step * counted.bytes"),
}
_TABLES = {
    "tenants_gallery": "galleries",
    "tenants_product": "products",
    "tenants_referenceimage": "photos",
    "tenants_exemplar": "photos",
}
_WITH_SIZE = [table for table, noun in _TABLES.items() if noun == "photos"]

CREATE = (
    _COUNT_ALL,
    _ADD,
    *(_COUNT.format(noun=noun, bytes=size, counters=said) for noun, (size, said) in _COUNTERS.items()),
    *(_WATCH.format(table=table, noun=noun) for table, noun in _TABLES.items()),
    _RESIZE,
    *(_WATCH_SIZE.format(table=table) for table in _WITH_SIZE),
)
DROP = (
    *(f"DROP TRIGGER count_resized ON {table}" for table in _WITH_SIZE),
    *(f"DROP TRIGGER {name} ON {table}" for name in ("count_added", "count_removed") for table in _TABLES),
    "DROP FUNCTION tenants_count_resized",
    *(f"DROP FUNCTION tenants_count_{noun}" for noun in _COUNTERS),
    "DROP FUNCTION tenants_add_usage",
    "DELETE FROM tenants_usage",
)
