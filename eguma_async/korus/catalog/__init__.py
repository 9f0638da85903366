"""The half of the API that says what is for sale: catalogs, product bases, products, offers."""
